#!/bin/sh
# The commands of upstream's test image that pods of the DRA tests use.
command=${1:-pause}
[ $# -gt 0 ] && shift
case $command in
pause) exec /pause ;;
entrypoint-tester) echo "[/agnhost entrypoint-tester${*:+ $*}]" ;;
env) exec env ;;
netexec)
  port=8080
  for a; do
    case $a in
    --http-port=*) port=${a#*=} ;;
    esac
  done
  mkdir -p /tmp/www
  hostname >/tmp/www/hostname
  echo ok >/tmp/www/healthz
  date -u >/tmp/www/index.html
  exec busybox httpd -f -p "$port" -h /tmp/www
  ;;
*)
  echo "agnhost: unknown command \"$command\" (this stand-in has: pause, entrypoint-tester, env, netexec)" >&2
  exit 1
  ;;
esac
