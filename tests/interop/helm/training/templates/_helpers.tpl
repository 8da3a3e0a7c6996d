{{- define "training.hook" -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ .release }}-{{ .name }}
  annotations:
    helm.sh/hook: {{ .when | quote }}
    helm.sh/hook-weight: {{ .weight | quote }}
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  restartPolicy: Never
  containers: [{name: c, image: busybox, command: [sh, -c, {{ .command | quote }}]}]
{{- end -}}
