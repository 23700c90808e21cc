package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

// CreatePhone makes a phone with an app, or installs the app again on the phone with this id.
func (c *Client) CreatePhone(ctx context.Context, n NewPhone) (p phone.Phone, err error) {
	err = c.call(ctx, http.MethodPost, "/phones", n, &p)
	return p, err
}

// Phones lists the phones.
func (c *Client) Phones(ctx context.Context) (list []phone.Phone, err error) {
	err = c.call(ctx, http.MethodGet, "/phones", nil, &list)
	return list, err
}

// Phone returns a phone with what its user sees.
func (c *Client) Phone(ctx context.Context, id string) (p phone.Phone, err error) {
	err = c.call(ctx, http.MethodGet, join("phones", id), nil, &p)
	return p, err
}

// Uninstall removes the app from the phone: its token dies.
func (c *Client) Uninstall(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, join("phones", id), nil, nil)
}

// Forget removes the phone.
func (c *Client) Forget(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, join("phones", id)+"?forget=true", nil, nil)
}

// Reinstall installs the app again, with a new token.
func (c *Client) Reinstall(ctx context.Context, id string) (p phone.Phone, err error) {
	err = c.call(ctx, http.MethodPost, join("phones", id, "reinstall"), nil, &p)
	return p, err
}

// RotateToken gives the phone's app a new token: the former dies.
func (c *Client) RotateToken(ctx context.Context, id string) (p phone.Phone, err error) {
	err = c.call(ctx, http.MethodPost, join("phones", id, "token"), nil, &p)
	return p, err
}

// SetState says whether the phone is online and shows notifications.
func (c *Client) SetState(ctx context.Context, id string, change phone.Change) (p phone.Phone, err error) {
	err = c.call(ctx, http.MethodPut, join("phones", id, "state"), change, &p)
	return p, err
}

// Notifications lists what arrived on the phone after that arrival, and waits at most that long for one.
func (c *Client) Notifications(ctx context.Context, id string, after int64, wait time.Duration) (list []phone.Arrival, err error) {
	err = c.call(ctx, http.MethodGet, join("phones", id, "notifications")+pollQuery(after, wait), nil, &list)
	return list, err
}

// Click is the user's tap on a notification.
func (c *Client) Click(ctx context.Context, id string, seq int64) error {
	path := join("phones", id, "notifications", strconv.FormatInt(seq, 10), "click")
	return c.call(ctx, http.MethodPost, path, nil, nil)
}

// Stream yields what arrives on the phone after that arrival, until the context ends or the simulator goes.
func (c *Client) Stream(ctx context.Context, id string, after int64) iter.Seq2[phone.Arrival, error] {
	return func(yield func(phone.Arrival, error) bool) {
		res, err := c.do(ctx, http.MethodGet, join("phones", id, "stream")+pollQuery(after, 0), nil)
		if err != nil {
			yield(phone.Arrival{}, err)
			return
		}
		defer res.Body.Close() //nolint:errcheck // it only ends by an error
		decoder := json.NewDecoder(res.Body)
		for {
			var a phone.Arrival
			err := decoder.Decode(&a)
			if ctx.Err() != nil || errors.Is(err, io.EOF) || !yield(a, err) || err != nil {
				return
			}
		}
	}
}
