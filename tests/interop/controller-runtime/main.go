// A controller-runtime operator against a cluster: manager, caches, reconcilers, webhooks, leader election.
// One line "ok NAME" or "not ok NAME: why" for each check.
//
//	controller-runtime KUBECONFIG CONFIG-FOLDER
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

const namespace = "interop-controller-runtime"

// world is what every check gets.
type world struct {
	context.Context
	client.Client               // asks the server
	cached        client.Client // the leading manager's, which asks its caches
	managers      []*candidate
	warnings      *warnings
}

// candidate is a manager that wants to lead.
type candidate struct {
	ctrl.Manager
	stop  context.CancelFunc
	ended chan error
}

// warnings collects what the server warns of.
type warnings struct{ texts []string }

func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, _ int, _ string, text string) {
	w.texts = append(w.texts, text)
}

func expect(what bool, format string, args ...any) error {
	if what {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// says expects an error of that kind with that text.
func says(err error, is func(error) bool, text string) error {
	return expect(err != nil && is(err) && strings.Contains(err.Error(), text), "got %v, wanted %q", err, text)
}

// until waits for done, which tells what it saw last: patience for a busy machine, not a measurement.
func until(ctx context.Context, what string, done func() (bool, any)) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		ok, saw := done()
		if ok {
			return nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("waited in vain: %s; last %v", what, saw)
		}
	}
}

func start(ctx context.Context, restConfig *rest.Config, hooks *envtest.WebhookInstallOptions) (*candidate, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	lease, renew, retry, unique := 4*time.Second, 3*time.Second, 200*time.Millisecond, true
	options := ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}, Controller: config.Controller{SkipNameValidation: &unique},
		LeaderElection: true, LeaderElectionID: "trainer", LeaderElectionNamespace: namespace, LeaderElectionReleaseOnCancel: true,
		LeaseDuration: &lease, RenewDeadline: &renew, RetryPeriod: &retry,
	}
	if hooks != nil {
		options.WebhookServer = webhook.NewServer(webhook.Options{Host: hooks.LocalServingHost, Port: hooks.LocalServingPort, CertDir: hooks.LocalServingCertDir})
	}
	mgr, err := ctrl.NewManager(restConfig, options)
	if err != nil {
		return nil, err
	}
	if err := operate(mgr, hooks != nil); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	c := &candidate{mgr, stop, make(chan error, 1)}
	go func() { c.ended <- mgr.Start(ctx) }()
	return c, nil
}

// prepare installs kind and webhooks with envtest, as operators' own tests do, and starts two managers; the first leads.
func prepare(ctx context.Context, kubeconfig, folder string) (*world, error) {
	restConfig, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	restConfig.QPS = -1
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	existing, w := true, &world{Context: ctx, warnings: &warnings{}}
	env := &envtest.Environment{
		UseExistingCluster: &existing, Config: restConfig, Scheme: scheme,
		CRDDirectoryPaths: []string{filepath.Join(folder, "crd.yaml")}, ErrorIfCRDPathMissing: true,
		WebhookInstallOptions: envtest.WebhookInstallOptions{Paths: []string{filepath.Join(folder, "webhooks.yaml")}},
	}
	if _, err := env.Start(); err != nil {
		return nil, err
	}
	hearing := rest.CopyConfig(restConfig)
	hearing.WarningHandlerWithContext = w.warnings
	if w.Client, err = client.New(hearing, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	if err := w.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return nil, err
	}
	for _, hooks := range []*envtest.WebhookInstallOptions{&env.WebhookInstallOptions, nil} {
		c, err := start(ctx, restConfig, hooks)
		if err != nil {
			return nil, err
		}
		if w.managers = append(w.managers, c); len(w.managers) == 1 {
			select {
			case <-c.Elected():
			case err := <-c.ended:
				return nil, errors.Join(errors.New("the first manager ended"), err)
			}
		}
	}
	w.cached = w.managers[0].GetClient()
	return w, nil
}

func main() {
	ctrl.SetLogger(logr.Discard())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	w, err := prepare(ctx, os.Args[1], os.Args[2])
	if err != nil {
		fmt.Println("not ok controller-runtime: envtest and two managers:", err)
		os.Exit(1)
	}
	fmt.Println("ok controller-runtime: envtest and two managers")
	failed := false
	for _, check := range checks {
		if err := check.run(w); err != nil {
			fmt.Printf("not ok controller-runtime: %s: %v\n", check.name, err)
			failed = true
			continue
		}
		fmt.Println("ok controller-runtime:", check.name)
	}
	if failed {
		os.Exit(1)
	}
}
