// Package hygiene keeps tokens clean: it notes which days were healthy for a
// channel row, deletes tokens whose quarantine has lasted long enough, and asks
// the vendors that have a list of dead tokens for it. It also counts the dead
// letters for the metrics.
package hygiene

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery/fuse"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	// every is the pace of the work, and so how much of a day's marks a killed process loses.
	every = time.Minute
	// feedbackEvery is how often a vendor is asked for its list.
	feedbackEvery = time.Hour
	// dropStep bounds what one commit deletes, noteStep what one quarantines.
	dropStep, noteStep = 1000, 1000
	// lastPatience bounds the last note of a process that stops.
	lastPatience = 2 * time.Second
)

// Store is the part of the store that it needs.
type Store interface {
	NoteDays(ctx context.Context, days []store.ChannelDay) error
	DropQuarantined(ctx context.Context, at time.Time, limit int) (dropped int64, err error)
	NoteDead(ctx context.Context, d store.DeadTokens, keep bool) (known int64, err error)
	TokenHealth(ctx context.Context, channel string, since, acceptedSince time.Time) (valid, invalid int64, err error)
	CountLetters(ctx context.Context, f store.LetterFilter) ([]store.LetterCount, error)
	Peers(ctx context.Context) ([]store.Peer, error)
	Now() time.Time
}

// Engine knows the traffic of the channel rows.
type Engine interface {
	Incarnation() int64
	// Days gives what the traffic since the last call says of days.
	Days() []store.ChannelDay
	// DeadTokens asks the vendors that have a list of dead tokens.
	DeadTokens(ctx context.Context, take func(ctx context.Context, channel string, tokens []string))
	// Distrust notes that a row's dead tokens are too many to be believed.
	Distrust(channel, code string)
}

// Deps is what a Keeper needs.
type Deps struct {
	Live    *config.Live
	Store   Store
	Engine  Engine
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Keeper does the work of one process.
type Keeper struct {
	deps Deps
	// noted are marks that the store has not taken yet.
	noted []store.ChannelDay
	asked time.Time
}

// New makes a Keeper that does nothing until Run.
func New(d Deps) *Keeper { return &Keeper{deps: d} }

// Run works until ctx ends, and then notes what is left of the day.
func (k *Keeper) Run(ctx context.Context) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			k.work(ctx)
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPatience)
			defer cancel()
			k.warn(ctx, "noting the last marks of channel rows", k.note(ctx))
			return
		}
	}
}

func (k *Keeper) work(ctx context.Context) {
	k.warn(ctx, "noting the days of channel rows", k.note(ctx))
	k.warn(ctx, "deleting tokens in quarantine", k.drop(ctx))
	k.warn(ctx, "counting dead letters", k.count(ctx))
	k.warn(ctx, "asking vendors for dead tokens", k.feedback(ctx))
}

func (k *Keeper) warn(ctx context.Context, doing string, err error) {
	if err != nil && ctx.Err() == nil {
		k.deps.Log.Warn("part of the token hygiene is put off", "part", doing, "error", err)
	}
}

// note keeps the marks until the store has them. It forgets days of long ago even without any.
func (k *Keeper) note(ctx context.Context) error {
	k.noted = slices.Compact(append(k.noted, k.deps.Engine.Days()...))
	if err := k.deps.Store.NoteDays(ctx, k.noted); err != nil {
		return err
	}
	k.noted = nil
	return nil
}

func (k *Keeper) drop(ctx context.Context) error {
	for dropped := int64(dropStep); dropped == dropStep; {
		var err error
		if dropped, err = k.deps.Store.DropQuarantined(ctx, k.deps.Store.Now(), dropStep); err != nil {
			return err
		}
		k.deps.Metrics.Dropped.Add(float64(dropped))
	}
	return nil
}

func (k *Keeper) count(ctx context.Context) error {
	counts, err := k.deps.Store.CountLetters(ctx, store.LetterFilter{})
	if err != nil {
		return err
	}
	k.deps.Metrics.Letters.Reset()
	for _, c := range counts {
		k.deps.Metrics.Letters.WithLabelValues(c.Channel, c.Reason).Add(float64(c.N))
	}
	return nil
}

// feedback asks for the vendors' lists once in a while, in one process of the app: a list names each token once.
func (k *Keeper) feedback(ctx context.Context) error {
	now := k.deps.Store.Now()
	if now.Sub(k.asked) < feedbackEvery {
		return nil
	}
	first, err := k.first(ctx)
	if err != nil || !first {
		return err
	}
	k.asked = now
	var errs []error
	k.deps.Engine.DeadTokens(ctx, func(ctx context.Context, channel string, tokens []string) {
		errs = append(errs, k.believe(ctx, channel, tokens, now))
	})
	return errors.Join(errs...)
}

// first reports whether this is the oldest process whose lease lives.
func (k *Keeper) first(ctx context.Context) (bool, error) {
	own := k.deps.Engine.Incarnation()
	peers, err := k.deps.Store.Peers(ctx)
	older := func(p store.Peer) bool { return p.Incarnation < own }
	return own != 0 && !slices.ContainsFunc(peers, older), err
}

// believe quarantines the tokens that a vendor calls dead and that were set before it was asked, unless they are so many
// that the fuse blows. They count for the fuse before they are believed.
func (k *Keeper) believe(ctx context.Context, channel string, tokens []string, asked time.Time) error {
	doc, _ := k.deps.Live.Current()
	i := slices.IndexFunc(doc.Channels, func(c config.Channel) bool { return c.Name == channel })
	if i < 0 {
		return nil
	}
	row := doc.Channels[i]
	_, environment := row.Place()
	dead := store.DeadTokens{
		Channel: channel, Tokens: tokens, Before: asked,
		Selector: message.Selector{Vendor: row.Vendor, AppType: row.AppType, Environment: environment},
	}
	known, err := k.noteDead(ctx, dead, true)
	if err != nil || known == 0 {
		return err
	}
	now := k.deps.Store.Now()
	valid, invalid, err := k.deps.Store.TokenHealth(ctx, channel, now.Add(-fuse.Window), now.Add(-fuse.Accepted))
	if err != nil {
		return err
	}
	if fuse.Blown(valid, invalid) {
		k.deps.Log.Warn("the vendor's list calls many tokens dead; they are kept", "channel", channel, "dead", known, "invalid", invalid, "valid", valid)
		k.deps.Engine.Distrust(channel, "")
		return nil
	}
	known, err = k.noteDead(ctx, dead, false)
	k.deps.Metrics.Feedback.WithLabelValues(channel, row.Vendor).Add(float64(known))
	return err
}

func (k *Keeper) noteDead(ctx context.Context, d store.DeadTokens, keep bool) (known int64, err error) {
	for part := range slices.Chunk(d.Tokens, noteStep) {
		d.Tokens = part
		n, err := k.deps.Store.NoteDead(ctx, d, keep)
		if known += n; err != nil {
			return known, err
		}
	}
	return known, nil
}
