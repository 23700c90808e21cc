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
	// aheadOf is how far a message's time may be ahead of ours: pods measure by the store's clock.
	aheadOf = time.Hour
)

// period is when the messages were made whose receipts are kept.
type period struct{ from, to time.Time }

func window(doc *config.Document, now time.Time) period {
	return period{now.Add(-time.Duration(doc.Retention.ReceiptsSeconds) * time.Second), now.Add(aheadOf)}
}

// holds reports whether an id is that of a message whose receipts are kept: a UUIDv7 of the period.
func (p period) holds(messageID string) bool {
	id, err := uuid.Parse(messageID)
	if err != nil || id.Version() != 7 {
		return false
	}
	made := time.Unix(id.Time().UnixTime())
	return !made.Before(p.from) && !made.After(p.to)
}

// correlate keeps the receipts that can be ours: pushes of other senders through
// the same account, and events that are none of the closed set, are left out.
func (h *Handler) correlate(row config.Channel, read []provider.Receipt, p period) []store.Receipt {
	var out []store.Receipt
	_, environment := row.Place()
	for _, r := range read {
		token, ok := h.token(row.Vendor, r.Token)
		if !ok || !p.holds(r.MessageID) || !slices.Contains(provider.Events(), r.Event) {
			continue
		}
		out = append(out, store.Receipt{
			MessageID: r.MessageID, Channel: row.Name, Token: token, Event: r.Event, Code: words(r.Code), Reason: words(r.Reason), At: r.At,
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
	for i := range receipts {
		receipts[i].KeepToken = true
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
