// Package apps is what the consoles of most vendors have in common: apps with a
// secret, access tokens that run out, and quotas of a day. It knows no vendor.
package apps

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
)

const (
	// secretBytes are those of a secret that a console makes.
	secretBytes = 16
	// maxStars stand for a secret.
	maxStars = 8
)

// Kind says what an app of a vendor is.
type Kind[A any] struct {
	// Vendor is the simulator's name of the vendor.
	Vendor string
	// ID is the id of an app in paths and messages.
	ID func(A) string
	// Secret points to the secret that can be revoked and replaced.
	Secret func(*A) *string
	// NewSecret makes a secret; nil means random hex.
	NewSecret func() string
	// Check refuses an app with adminapi.Invalid, which names the field.
	Check func(A) error
	// Complete fills in what goes with the secret; nil means nothing.
	Complete func(*A) error
}

func (k Kind[A]) newSecret() string {
	if k.NewSecret != nil {
		return k.NewSecret()
	}
	return RandomHex(secretBytes)
}

// Console holds the apps of a vendor. It is safe for concurrent use.
type Console[A any] struct {
	kind Kind[A]

	mu   sync.RWMutex
	apps map[string]A
}

// NewConsole makes a console without apps.
func NewConsole[A any](k Kind[A]) *Console[A] {
	return &Console[A]{kind: k, apps: map[string]A{}}
}

// Get finds an app.
func (c *Console[A]) Get(id string) (A, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	a, ok := c.apps[id]
	return a, ok
}

// Find finds an app by anything else.
func (c *Console[A]) Find(is func(A) bool) (A, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, a := range c.apps {
		if is(a) {
			return a, true
		}
	}
	var none A
	return none, false
}

// Check tells whether there is an app with this id.
func (c *Console[A]) Check(id string) error {
	if _, ok := c.Get(id); !ok {
		return adminapi.Invalid("app: %s has no app %q; create it with POST /admin/%s/apps", c.kind.Vendor, id, c.kind.Vendor)
	}
	return nil
}

// Add makes an app, or replaces the one with this id, and returns it with its secret, which is made if none is given.
func (c *Console[A]) Add(a A) (A, error) {
	if c.kind.ID(a) == "" {
		var none A
		return none, adminapi.Invalid("the app's id must be set")
	}
	if err := c.kind.Check(a); err != nil {
		var none A
		return none, err
	}
	if secret := c.kind.Secret(&a); *secret == "" {
		*secret = c.kind.newSecret()
	}
	if c.kind.Complete != nil {
		if err := c.kind.Complete(&a); err != nil {
			var none A
			return none, err
		}
	}
	c.put(a)
	return a, nil
}

func (c *Console[A]) put(a A) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apps[c.kind.ID(a)] = a
}

// Revoke takes the app's secret away; Rotate gives it a new one.
func (c *Console[A]) Revoke(id string) error {
	a, ok := c.Get(id)
	if !ok {
		return c.missing(id)
	}
	*c.kind.Secret(&a) = ""
	c.put(a)
	return nil
}

// Rotate replaces the app's secret by the one in the request, {"secret": …}, or by a new one, and returns the app.
func (c *Console[A]) Rotate(r *http.Request, id string) (any, error) {
	var given struct {
		Secret string `json:"secret"`
	}
	if err := adminapi.Read(r, &given); err != nil {
		return nil, err
	}
	a, ok := c.Get(id)
	if !ok {
		return nil, c.missing(id)
	}
	*c.kind.Secret(&a) = given.Secret
	return c.Add(a)
}

func (c *Console[A]) missing(id string) error {
	return adminapi.NotFound("%s has no app %q", c.kind.Vendor, id)
}

// Register adds the console's calls to mux: GET, POST and DELETE of /admin/VENDOR/apps.
func (c *Console[A]) Register(mux *http.ServeMux) {
	path := "/admin/" + c.kind.Vendor + "/apps"
	mux.Handle("GET "+path, adminapi.Handle(func(*http.Request) (any, error) { return c.list(), nil }))
	mux.Handle("POST "+path, adminapi.Handle(func(r *http.Request) (any, error) {
		var a A
		if err := adminapi.Read(r, &a); err != nil {
			return nil, err
		}
		return c.Add(a)
	}))
	mux.Handle("DELETE "+path+"/{id}", adminapi.Handle(func(r *http.Request) (any, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		id := r.PathValue("id")
		if _, ok := c.apps[id]; !ok {
			return nil, c.missing(id)
		}
		delete(c.apps, id)
		return nil, nil
	}))
}

// list shows the apps without their secrets.
func (c *Console[A]) list() []A {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := make([]A, 0, len(c.apps))
	for _, a := range c.apps {
		secret := c.kind.Secret(&a)
		*secret = strings.Repeat("*", min(len(*secret), maxStars))
		list = append(list, a)
	}
	slices.SortFunc(list, func(x, y A) int { return strings.Compare(c.kind.ID(x), c.kind.ID(y)) })
	return list
}

// RandomHex is that many random bytes in hex.
func RandomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
