package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store"
)

// The pace of deleting what is past its retention: little at a time, so that
// it never stands in the way of accepting.
const (
	pruneEvery = time.Minute
	pruneRows  = 1000
	// testsKept is how long a push test is known by its UID.
	testsKept = 90 * 24 * time.Hour
)

// janitor deletes what is past its retention until ctx ends, and counts the inbox entries that nobody had read.
func janitor(ctx context.Context, s store.Store, live *config.Live, expired *prometheus.CounterVec, log *slog.Logger) {
	old, crowded := expired.WithLabelValues("retention"), expired.WithLabelValues("bound")
	t := time.NewTicker(pruneEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		doc, _ := live.Current()
		for ctx.Err() == nil {
			pruned, err := s.Prune(ctx, cutoffs(doc.Retention, s.Now()), pruneRows)
			old.Add(float64(pruned.Expired))
			crowded.Add(float64(pruned.Crowded))
			if err != nil {
				log.Warn("deleting what is past its retention", "error", err)
			}
			if err != nil || !pruned.More {
				break
			}
		}
	}
}

// eraser goes on with erasures that a process could not end, until ctx ends.
func eraser(ctx context.Context, bindings *binding.Service, log *slog.Logger) {
	t := time.NewTicker(pruneEvery)
	defer t.Stop()
	for {
		if err := bindings.Resume(ctx); err != nil && ctx.Err() == nil {
			log.Warn("going on with the erasure of users", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func cutoffs(r config.Retention, now time.Time) store.Cutoffs {
	before := func(seconds int64) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	return store.Cutoffs{
		Messages: before(r.MessagesSeconds), Outcomes: before(r.ReceiptsSeconds), Devices: before(r.InactiveDevicesSeconds),
		Idempotency: now, PushTests: now.Add(-testsKept), Letters: now.Add(-r.DeadLetters()), MaxLetters: store.MaxLetters,
	}
}
