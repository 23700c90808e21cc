package receipt

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery/fuse"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	// maxWords bounds what is stored of a vendor's words, in runes.
	maxWords = 256
	// maxReceipts is above what any vendor puts into one callback.
	maxReceipts = 10_000
	// aheadOf is how far a message's time may be ahead of ours: pods measure by the store's clock.
	aheadOf = time.Hour
)

// period is when the messages were made whose receipts are kept.
type period struct{ from, to time.Time }

func window(doc *config.Document, now time.Time) period {
	return period{now.Add(-time.Duration(doc.Retention.ReceiptsSeconds) * time.Second), now.Add(aheadOf)}
}

// holds reports when a message was made and whether its receipts are kept: its id is a UUIDv7 of the period.
func (p period) holds(messageID string) (made time.Time, ok bool) {
	id, err := uuid.Parse(messageID)
	if err != nil || id.Version() != 7 {
		return time.Time{}, false
	}
	made = time.Unix(id.Time().UnixTime())
	return made, !made.Before(p.from) && !made.After(p.to)
}

// dated is when something happened to a push of a message that was made then; zero, which is now, when the vendor's
// time cannot be right: some count otherwise than their documents say.
func (p period) dated(at, made time.Time) time.Time {
	if at.Before(made.Add(-aheadOf)) || at.After(p.to) {
		return time.Time{}
	}
	return at
}

// correlate keeps the receipts that can be ours: pushes of other senders through
// the same account, and events that are none of the closed set, are left out.
func (h *Handler) correlate(row config.Channel, read []provider.Receipt, p period) []store.Receipt {
	var out []store.Receipt
	_, environment := row.Place()
	for _, r := range read {
		token, ok := h.token(row.Vendor, r.Token)
		made, kept := p.holds(r.MessageID)
		if !ok || !kept || !slices.Contains(provider.Events(), r.Event) {
			continue
		}
		out = append(out, store.Receipt{
			MessageID: r.MessageID, Channel: row.Name, Token: token, Event: r.Event, Code: words(r.Code), Reason: words(r.Reason),
			At:       p.dated(r.At, made),
			Selector: message.Selector{Vendor: row.Vendor, AppType: row.AppType, Environment: environment},
		})
	}
	return out
}

// token is a token in the form in which it is stored.
func (h *Handler) token(vendor, token string) (string, bool) {
	if token == "" || h.deps.Token == nil {
		return token, token != ""
	}
	token, err := h.deps.Token(vendor, token)
	return token, err == nil
}

// words is what is stored of a vendor's words.
func words(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if utf8.RuneCountInString(s) <= maxWords {
		return s
	}
	return string([]rune(s)[:maxWords])
}

// judge marks dead tokens to be kept when the fuse is blown. The vendor had
// accepted pushes to them, so that they count as valid until now. What it counts
// besides the store is given back by the release, once the store knows it.
func (h *Handler) judge(ctx context.Context, channel string, receipts []store.Receipt, now time.Time) (release func(), err error) {
	dead := map[string]bool{}
	for _, r := range receipts {
		if r.Event == provider.TokenInvalid {
			dead[r.Token] = true
		}
	}
	if len(dead) == 0 {
		return func() {}, nil
	}
	n := int64(len(dead))
	unsettled := h.unsettled.add(channel, n)
	release = func() { h.unsettled.add(channel, -n) }
	valid, invalid, err := h.deps.Store.TokenHealth(ctx, channel, now.Add(-fuse.Window), now.Add(-fuse.Accepted))
	if err != nil {
		release()
		return nil, err
	}
	if !fuse.Blown(max(valid-unsettled, 0), invalid+unsettled) {
		return release, nil
	}
	h.deps.Log.Warn("many tokens are reported dead; they are kept", "channel", channel, "dead", unsettled, "invalid", invalid, "valid", valid)
	for i, r := range receipts {
		receipts[i].KeepToken = true
		if r.Event == provider.TokenInvalid && h.deps.Distrust != nil {
			h.deps.Distrust(channel, r.Code)
		}
	}
	return release, nil
}

// tally counts by channel row.
type tally struct {
	mu     sync.Mutex
	counts map[string]int64
}

// add gives the count behind it.
func (t *tally) add(channel string, n int64) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[channel] += n
	return t.counts[channel]
}
