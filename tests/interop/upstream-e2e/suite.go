// Package e2e is a module to build upstream's suite in: k8s.io/kubernetes needs its parts at the version of the same release.
package e2e

import _ "k8s.io/kubernetes/test/e2e"
