// Command manager runs the controllers.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	_ "time/tzdata" // a channel may name the time zone of its quotas

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/manager"
	"github.com/offlinepush/operator/controllers/pushapp"
	"github.com/offlinepush/operator/controllers/secretwatch"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	klog.SetSlogLogger(log)
	settings, err := parse(os.Args[1:], os.Getenv)
	dispatchers := admin.NewClient()
	settings.Log, settings.Reports, settings.PushTests, settings.ReportPeriod = log, dispatchers, dispatchers, pushapp.ReportPeriod
	settings.AccessPeriod, settings.SecretPeriod = manager.AccessPeriod, secretwatch.Period
	if err == nil {
		err = run(ctrl.SetupSignalHandler(), settings)
	}
	if err != nil {
		log.Error("manager ends", "error", err)
		os.Exit(1)
	}
}

// run runs the manager until ctx ends.
func run(ctx context.Context, settings manager.Settings) error {
	cluster, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	return manager.Run(ctx, cluster, settings)
}
