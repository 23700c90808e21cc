package server

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/deadletter"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/pushtest"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// storePatience bounds how long a report waits for the store.
const storePatience = 2 * time.Second

// reporter gathers what the controllers need to know of this process.
type reporter struct {
	live      *config.Live
	metrics   *metrics.Metrics
	pod       string
	startedAt time.Time

	mu      sync.Mutex
	shown   map[string]string // the vendors of the channel rows in the metrics
	shownAt time.Time
	parts   *parts // nil until the store is open
	trouble error  // why it is not
}

// failed notes why the store is not open.
func (r *reporter) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = err
}

// opened notes that the store is open.
func (r *reporter) opened(a *parts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts, r.trouble = a, nil
}

// pushTests is nil until the store is open.
func (r *reporter) pushTests() *pushtest.Service {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.parts == nil {
		return nil
	}
	return r.parts.tests
}

// letters is nil until the store is open.
func (r *reporter) letters() *deadletter.Service {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.parts == nil {
		return nil
	}
	return r.parts.letters
}

func (r *reporter) report(ctx context.Context) report.Report {
	r.mu.Lock()
	a, trouble := r.parts, r.trouble
	r.mu.Unlock()
	out := report.Report{Version: report.Version, Pod: r.pod, StartedAt: r.startedAt, Config: r.config()}
	if trouble == nil {
		out.Incarnation = a.lease.Incarnation()
		trouble = r.ask(ctx, a, &out)
	}
	out.Store.Ready = trouble == nil
	if trouble != nil {
		out.Store.Error, out.Store.Foreign = trouble.Error(), errors.Is(trouble, store.ErrWrongApp)
		out.Store.Opening = errors.Is(trouble, errOpening)
	}
	r.show(out)
	return out
}

// ask adds to the report what the store knows.
func (r *reporter) ask(ctx context.Context, a *parts, out *report.Report) (err error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	// A store that takes nothing may be read still.
	err = cmp.Or(a.store.Ping(ctx), a.lease.Err())
	account, accountErr := a.store.Account(ctx)
	if accountErr == nil {
		out.Account = account
		r.metrics.ShowAccount(account)
	}
	channels, backlogErr := a.engine.Channels(ctx)
	out.Channels = channels
	return cmp.Or(err, accountErr, backlogErr)
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
