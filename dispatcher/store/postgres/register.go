package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// Register implements store.Store.
func (s *Store) Register(ctx context.Context, r store.Registration) (out store.Registered, err error) {
	if err := checkTokens(r.Tokens); err != nil {
		return out, err
	}
	err = s.write(ctx, &change{
		pushIDs: []string{r.PushID}, tokens: slices.Collect(maps.Values(r.Tokens)), makes: true,
		apply: func(w *work) error {
			if _, taken := w.pushIDs[r.PushID]; taken {
				return fmt.Errorf("push id %s: is another device's", r.PushID)
			}
			d := w.make(message.Device{
				PushID: r.PushID, SecretHash: r.SecretHash, Selector: r.Selector, Platform: r.Platform, RegisteredAt: instant(w.now),
			}, w.now)
			open := w.unconfirmed(nil, r.Tokens)
			retired := w.giveTokens(d, r.Tokens, w.now)
			out = store.Registered{Device: d.Device, Retired: retired, Unconfirmed: rules.Unconfirmed(open, retired)}
			return nil
		},
	})
	return out, err
}

// SetToken implements store.Store.
func (s *Store) SetToken(ctx context.Context, device int64, kind message.TokenKind, value string) (out store.Changed, err error) {
	tokens := map[message.TokenKind]string{kind: value}
	err = s.write(ctx, &change{
		devices: []int64{device}, tokens: []string{value},
		apply: func(w *work) error {
			d, err := w.device(device)
			if err != nil {
				return err
			}
			if err := checkTokens(tokens); err != nil {
				return err
			}
			open := w.unconfirmed(d, tokens)
			changes := w.giveTokens(d, tokens, w.now)
			out = store.Changed{Device: d.Device, Changes: changes, Unconfirmed: rules.Unconfirmed(open, changes)}
			w.see(d)
			return nil
		},
	})
	return out, err
}

func checkTokens(tokens map[message.TokenKind]string) error {
	for _, kind := range slices.Sorted(maps.Keys(tokens)) {
		if tokens[kind] == "" {
			return fmt.Errorf("token %s: must not be empty", kind)
		}
	}
	return nil
}

// giveTokens gives tokens to a device that had them at that time, and retires
// the devices that held them before: they lose token and binding.
func (w *work) giveTokens(d *deviceState, tokens map[message.TokenKind]string, at int64) (changes []store.EpochChange) {
	var former []*deviceState
	for _, kind := range slices.Sorted(maps.Keys(tokens)) {
		if holder := w.giveToken(d, kind, tokens[kind], at); holder != nil {
			former = append(former, holder)
		}
	}
	slices.SortFunc(former, byKey)
	for _, f := range slices.Compact(former) {
		changes = append(changes, w.rebind(f, "", at))
		w.losses.add(tokenHash(f.lost), f.Key, f.Epoch)
		d.taken = append(d.taken, tokenHash(f.lost))
	}
	return changes
}

// giveToken takes a token from the device that held it before, which it returns,
// nil if there was none. A token that the device has already keeps its
// generation and leaves quarantine: the phone knows better than an answer to a
// wrong credential.
func (w *work) giveToken(d *deviceState, kind message.TokenKind, value string, at int64) (former *deviceState) {
	key := keyOf(d.Selector, kind, value)
	holder := w.holders[key]
	if holder == d {
		w.renewed = append(w.renewed, renewal{d.Key, kind, at})
		return nil
	}
	if holder != nil {
		w.takeToken(holder, kind)
		holder.lost = key.hash[:]
	}
	w.takeToken(d, kind)
	d.tokenGen++
	d.tokens[kind], w.holders[key] = token{value: value, gen: d.tokenGen, setAt: at}, d
	d.seen, d.moved = at, true
	return holder
}

// takeToken takes the token of one kind from a device, if it has one.
func (w *work) takeToken(d *deviceState, kind message.TokenKind) {
	if t, ok := d.tokens[kind]; ok {
		delete(w.holders, keyOf(d.Selector, kind, t.value))
		delete(d.tokens, kind)
	}
	d.changedTokens[kind] = true
}
