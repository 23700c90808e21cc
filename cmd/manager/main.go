// Command manager runs the controllers.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/offlinepush/operator/controllers/pushapp"
	"github.com/offlinepush/operator/controllers/pushchannel"
	"github.com/offlinepush/operator/controllers/reference"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	klog.SetSlogLogger(log)
	o, err := parseOptions(os.Args[1:], os.Getenv)
	if err == nil {
		err = run(ctrl.SetupSignalHandler(), o, log)
	}
	if err != nil {
		log.Error("manager ends", "error", err)
		os.Exit(1)
	}
}

// run assembles the manager and runs it until ctx ends.
func run(ctx context.Context, o options, log *slog.Logger) error {
	rest, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	settings, err := managerOptions(o)
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(rest, settings)
	if err != nil {
		return fmt.Errorf("making the manager: %w", err)
	}
	if err := errors.Join(
		reference.AddIndexes(ctx, mgr.GetFieldIndexer()),
		addControllers(mgr, o, log),
		mgr.AddHealthzCheck("ping", healthz.Ping),
		mgr.AddReadyzCheck("ping", healthz.Ping),
	); err != nil {
		return err
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running the manager: %w", err)
	}
	return nil
}

func addControllers(mgr ctrl.Manager, o options, log *slog.Logger) error {
	channels := &pushchannel.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("offlinepush-manager"),
		NewProvider: catalog.New, Allowed: o.allowedEndpoints, Log: log,
	}
	apps := &pushapp.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("offlinepush-manager"),
		Poller: pushapp.NewPoller(mgr.GetClient(), pushapp.NewHTTPReports()),
		Image:  o.dispatcherImage, Namespaces: o.namespaces, FastReload: o.fastReload,
	}
	return errors.Join(channels.SetupWithManager(mgr), apps.SetupWithManager(mgr))
}
