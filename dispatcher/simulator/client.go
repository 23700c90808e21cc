package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
)

// Client speaks with a simulator's admin port. Refusals are *adminapi.Error.
type Client struct {
	// URL is the admin port's address.
	URL string
	// HTTP is http.DefaultClient if nil.
	HTTP *http.Client
}

// CreateProject makes a project of FCM.
func (c *Client) CreateProject(ctx context.Context, p fcm.Project) error {
	return c.call(ctx, http.MethodPost, "/admin/fcm/projects", p, nil)
}

// CreateServiceAccount makes a service account of FCM, or one more key for it.
func (c *Client) CreateServiceAccount(ctx context.Context, n fcm.NewAccount) (s fcm.ServiceAccount, err error) {
	err = c.call(ctx, http.MethodPost, "/admin/fcm/service-accounts", n, &s)
	return s, err
}

// CreateXiaomiApp makes an app of Xiaomi, with the given secret or a new one.
func (c *Client) CreateXiaomiApp(ctx context.Context, a xiaomi.App) (made xiaomi.App, err error) {
	err = c.CreateApp(ctx, xiaomi.Name, a, &made)
	return made, err
}

// CreateApp makes an app of a vendor, with the given secret or a new one, and reads it into made.
func (c *Client) CreateApp(ctx context.Context, vendor string, app, made any) error {
	return c.call(ctx, http.MethodPost, join("admin", vendor, "apps"), app, made)
}

// RotateApp replaces the secret of a vendor's app by the given one or, if that is empty, by a new one, and reads the app into made.
func (c *Client) RotateApp(ctx context.Context, vendor, id, secret string, made any) error {
	return c.call(ctx, http.MethodPost, join("admin", vendor, "apps", id, "rotate"), map[string]string{"secret": secret}, made)
}

// ExpireTokens ends all access tokens of a vendor, so that new ones have to be fetched.
func (c *Client) ExpireTokens(ctx context.Context, vendor string) error {
	return c.call(ctx, http.MethodDelete, join("admin", vendor, "access-tokens"), nil, nil)
}

// Revoke takes a credential away: of FCM's service account with this email or of Xiaomi's package.
func (c *Client) Revoke(ctx context.Context, vendor, id string) error {
	return c.call(ctx, http.MethodPost, join("admin", vendor, "apps", id, "revoke"), nil, nil)
}

// RotateServiceAccount replaces the keys of FCM's service account by a new one.
func (c *Client) RotateServiceAccount(ctx context.Context, email string) (s fcm.ServiceAccount, err error) {
	err = c.call(ctx, http.MethodPost, join("admin", fcm.Name, "apps", email, "rotate"), nil, &s)
	return s, err
}

// RotateXiaomiApp replaces the secret of a package by the given one or, if that is empty, by a new one.
func (c *Client) RotateXiaomiApp(ctx context.Context, packageName, secret string) (a xiaomi.App, err error) {
	err = c.RotateApp(ctx, xiaomi.Name, packageName, secret, &a)
	return a, err
}

// SetFault lets a vendor's requests go wrong until the fault has happened its count or is cleared.
func (c *Client) SetFault(ctx context.Context, vendor string, f traffic.Fault) error {
	return c.call(ctx, http.MethodPut, join("admin", vendor, "faults"), f, nil)
}

// ClearFault lets a vendor work again.
func (c *Client) ClearFault(ctx context.Context, vendor string) error {
	return c.call(ctx, http.MethodDelete, join("admin", vendor, "faults"), nil, nil)
}

// Requests lists what a vendor received after the request with that number, and waits at most that long for one.
func (c *Client) Requests(ctx context.Context, vendor string, after int64, wait time.Duration) (list []traffic.Request, err error) {
	err = c.call(ctx, http.MethodGet, join("admin", vendor, "requests")+pollQuery(after, wait), nil, &list)
	return list, err
}

// ClearRequests forgets what a vendor received.
func (c *Client) ClearRequests(ctx context.Context, vendor string) error {
	return c.call(ctx, http.MethodDelete, join("admin", vendor, "requests"), nil, nil)
}

func pollQuery(after int64, wait time.Duration) string {
	return "?after=" + strconv.FormatInt(after, 10) + "&wait=" + wait.String()
}

// join makes a path of parts that may hold anything.
func join(parts ...string) string {
	var path strings.Builder
	for _, part := range parts {
		path.WriteString("/" + url.PathEscape(part))
	}
	return path.String()
}

// call sends in as JSON, if any, and reads the answer into out, if any.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	res, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	if out == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("%s %s: reading the answer: %w", method, path, err)
	}
	return nil
}

// do returns a good answer, whose body the caller closes.
func (c *Client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader = http.NoBody
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, body)
	if err != nil {
		return nil, err
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < http.StatusMultipleChoices {
		return res, nil
	}
	defer res.Body.Close() //nolint:errcheck // the answer is an error already
	refusal := &adminapi.Error{Status: res.StatusCode}
	if json.NewDecoder(res.Body).Decode(refusal) != nil || refusal.Message == "" {
		refusal.Message = fmt.Sprintf("%s %s: %s", method, path, res.Status)
	}
	return nil, refusal
}
