package server

import (
	"context"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery"
	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// storePatience bounds how long a report waits for the store.
const storePatience = 2 * time.Second

// reporter gathers what the controllers need to know of this process.
type reporter struct {
	live      *config.Live
	store     store.Store
	lease     *lease.Keeper
	engine    *delivery.Engine
	metrics   *metrics.Metrics
	pod       string
	startedAt time.Time
}

func (r *reporter) report(ctx context.Context) report.Report {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	out := report.Report{
		Version: report.Version, Pod: r.pod, Incarnation: r.lease.Incarnation(), StartedAt: r.startedAt,
		Config: r.config(), Store: report.Store{Ready: true},
	}
	err := r.store.Ping(ctx)
	if err == nil {
		out.Account, err = r.store.Account(ctx)
		r.metrics.Unaccounted.Set(float64(out.Account.Unaccounted()))
	}
	channels, backlogErr := r.engine.Channels(ctx)
	out.Channels = channels
	if err == nil {
		err = backlogErr
	}
	if err != nil {
		out.Store = report.Store{Error: err.Error()}
	}
	return out
}

func (r *reporter) config() report.Config {
	doc, _ := r.live.Current()
	c := report.Config{Hash: doc.Hash, LoadedAt: doc.LoadedAt, UnknownFields: doc.UnknownFields}
	r.metrics.ConfigLoaded.Set(1)
	if err := r.live.Err(); err != nil {
		c.Error = err.Error()
		r.metrics.ConfigLoaded.Set(0)
	}
	r.metrics.ConfigUnknownFields.Set(float64(c.UnknownFields))
	return c
}
