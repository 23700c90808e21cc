package usertoken

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	refreshEvery = 5 * time.Minute
	// askEvery bounds the fetches that tokens with unknown keys, or failures, can cause.
	askEvery     = 10 * time.Second
	fetchTimeout = 10 * time.Second
	maxKeySet    = 256 << 10
)

// Run keeps the keys behind the configured URL fresh until ctx ends. A failed
// fetch leaves the former keys of the same URL in force.
func (v *Verifier) Run(ctx context.Context) {
	for {
		doc, changed := v.deps.Live.Current()
		wait := time.NewTimer(refreshEvery)
		if u := doc.Auth.DeviceJWT.JWKSURL; u != "" {
			if err := v.refresh(ctx, u, source(doc.Auth.DeviceJWT)); err != nil {
				v.deps.Log.Warn("fetching the keys of user tokens", "error", err)
				wait.Reset(askEvery)
			}
		}
		v.pause(ctx, wait, changed)
		wait.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// pause waits for the next fetch; asking for it counts only after askEvery.
func (v *Verifier) pause(ctx context.Context, wait *time.Timer, changed <-chan struct{}) {
	calm := time.NewTimer(askEvery)
	defer calm.Stop()
	var ask <-chan struct{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			return
		case <-wait.C:
			return
		case <-calm.C:
			ask = v.ask
		case <-ask:
			return
		}
	}
}

// askForKeys wakes Run if the token names a key that is not there.
func (v *Verifier) askForKeys(err error) {
	if !errors.Is(err, errUnknownKey) {
		return
	}
	select {
	case v.ask <- struct{}{}:
	default:
	}
}

func (v *Verifier) refresh(ctx context.Context, url, source string) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := v.deps.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("auth.deviceJWT.jwksURL: answered %s", resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err != nil {
		return fmt.Errorf("auth.deviceJWT.jwksURL: reading the answer: %w", err)
	}
	if len(b) > maxKeySet {
		return fmt.Errorf("auth.deviceJWT.jwksURL: the answer is over %d bytes", maxKeySet)
	}
	keys, err := parseKeys(b)
	if err != nil {
		return fmt.Errorf("auth.deviceJWT.jwksURL: the answer %w", err)
	}
	v.swap(keys, source)
	return nil
}
