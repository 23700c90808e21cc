package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
)

// The pace of trying again to open a database. A new configuration, which may
// hold the right password, is tried at once.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Second
	// wrongRetry is for a store of another app, damagedRetry for one that takes reading all of it to see whether it works.
	wrongRetry   = 30 * time.Second
	damagedRetry = 10 * time.Second
)

// errOpening is what a report says of the store before there is anything else to say.
var errOpening = errors.New("the store is being opened")

// held is an open store with this process's lease in it.
type held struct {
	store store.Store
	lease *lease.Keeper
}

func (h held) close(ctx context.Context) error {
	return errors.Join(h.lease.Release(context.WithoutCancel(ctx)), h.store.Close())
}

// hold opens the store and acquires the lease, under which the others find this
// process at the address. A store that does not let it is tried until ctx ends,
// which gives nothing; meanwhile the report tells why. A volume that is another
// process's or another app's is no trouble but a mistake, which ends the process.
func (p *process) hold(ctx context.Context, addr string) (held, error) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		doc, changed := p.live.Current()
		h, err := p.tryToHold(ctx, doc.Document, addr)
		switch {
		case err == nil || p.shared == nil && (errors.Is(err, store.ErrWrongApp) || errors.Is(err, sqlite.ErrHeld)):
			return h, err
		case errors.Is(err, store.ErrWrongApp):
			wait = wrongRetry
		case errors.Is(err, store.ErrDamaged):
			wait = damagedRetry
		}
		p.reporter.failed(err)
		p.Log.Warn("the store does not let this dispatcher start", "retryIn", wait, "error", err)
		select {
		case <-ctx.Done():
			return held{}, nil
		case <-changed:
		case <-time.After(wait):
		}
	}
}

func (p *process) tryToHold(ctx context.Context, doc *config.Document, addr string) (h held, err error) {
	if h.store, err = p.openStore(ctx, doc); err != nil {
		return held{}, fmt.Errorf("opening the store: %w", err)
	}
	h.lease = lease.New(lease.Deps{Store: h.store, Holder: store.Holder{Pod: p.Pod, Addr: addr}, Log: p.Log})
	if err := h.lease.Start(ctx); err != nil {
		return held{}, errors.Join(err, h.store.Close())
	}
	return h, nil
}

func (p *process) openStore(ctx context.Context, doc *config.Document) (store.Store, error) {
	if p.shared == nil {
		return sqlite.Open(ctx, sqlite.Options{
			Dir: p.DataDir, AppID: doc.App.AppID, Pod: p.Pod, SealingKey: doc.Keys.Sealing, Log: p.Log,
		})
	}
	return postgres.Open(ctx, postgres.Options{
		AppID: doc.App.AppID, Config: p.database, SealingKey: doc.Keys.Sealing, Log: p.Log,
	})
}

// database is the one of the configuration in force. A document that names
// another kind of store does not move a running process.
func (p *process) database() config.Postgres {
	if doc, _ := p.live.Current(); doc.Store.Postgres != nil {
		return *doc.Store.Postgres
	}
	return *p.shared
}
