package xiaomi

import (
	"cmp"
	"crypto/subtle"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxInvalid bounds the dead ids that an app has not fetched.
const maxInvalid = 1000

// App is an app in Xiaomi's console.
type App struct {
	PackageName string `json:"packageName"`
	AppSecret   string `json:"appSecret"`
	// Channels are the approved categories. A push to any other is refused with 27001.
	Channels []Channel `json:"channels,omitempty"`
	// DayQuota is how many pushes may be delivered in a day, 0 for no limit.
	DayQuota int `json:"dayQuota,omitempty"`
	// RequestsPerSecond is how many requests are taken, 0 for no limit.
	RequestsPerSecond int `json:"requestsPerSecond,omitempty"`
}

// Channel is a category of notifications.
type Channel struct {
	ID string `json:"id"`
	// Private channels have no daily quota.
	Private bool `json:"private,omitempty"`
}

// app is an App at work.
type app struct {
	App
	limiter *rate.Limiter
	// quotaCalls limits quota/get, which Xiaomi allows once a second.
	quotaCalls *rate.Limiter

	mu      sync.Mutex
	day     string
	acked   int
	invalid []string
}

func newApp(a App) *app {
	limit := rate.Inf
	if a.RequestsPerSecond > 0 {
		limit = rate.Limit(a.RequestsPerSecond)
	}
	return &app{
		App: a, limiter: rate.NewLimiter(limit, max(a.RequestsPerSecond, 1)),
		quotaCalls: rate.NewLimiter(rate.Every(time.Second), 1),
	}
}

func (a *app) channel(id string) (Channel, bool) {
	i := slices.IndexFunc(a.Channels, func(c Channel) bool { return c.ID == id })
	if i < 0 {
		return Channel{}, false
	}
	return a.Channels[i], true
}

// used is how many limited pushes were delivered today, which is China's today.
func (a *app) used() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.today()
	return a.acked
}

func (a *app) deliver() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.today()
	a.acked++
}

func (a *app) today() {
	day := time.Now().In(time.FixedZone("UTC+8", 8*60*60)).Format(time.DateOnly)
	if day != a.day {
		a.day, a.acked = day, 0
	}
}

// full tells whether the day's quota is used up for pushes to the channel.
func (a *app) full(channelID string) bool {
	c, _ := a.channel(channelID)
	return a.DayQuota > 0 && !c.Private && a.used() >= a.DayQuota
}

// bury keeps dead ids until the app fetches them.
func (a *app) bury(ids []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.invalid = append(a.invalid, ids...)
	a.invalid = a.invalid[max(0, len(a.invalid)-maxInvalid):]
}

func (a *app) fetchInvalid() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := append([]string{}, a.invalid...)
	a.invalid = nil
	return ids
}

// console holds the apps.
type console struct {
	mu   sync.RWMutex
	apps map[string]*app
}

func newConsole() *console { return &console{apps: map[string]*app{}} }

func (c *console) app(packageName string) (*app, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	a, ok := c.apps[packageName]
	return a, ok
}

// bySecret finds the app whose secret this is. A revoked app has none.
func (c *console) bySecret(secret string) (*app, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, a := range c.apps {
		if a.AppSecret != "" && subtle.ConstantTimeCompare([]byte(a.AppSecret), []byte(secret)) == 1 {
			return a, true
		}
	}
	return nil, false
}

// put makes the app or replaces what it is; its day goes on.
func (c *console) put(n App) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := newApp(n)
	if old, ok := c.apps[n.PackageName]; ok {
		old.mu.Lock()
		a.day, a.acked, a.invalid = old.day, old.acked, old.invalid
		old.mu.Unlock()
	}
	c.apps[n.PackageName] = a
}

func (c *console) drop(packageName string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.apps[packageName]
	delete(c.apps, packageName)
	return ok
}

// list returns the apps without their secrets.
func (c *console) list() []App {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := []App{}
	for _, a := range c.apps {
		shown := a.App
		shown.AppSecret = strings.Repeat("*", min(len(shown.AppSecret), 8))
		list = append(list, shown)
	}
	slices.SortFunc(list, func(x, y App) int { return cmp.Compare(x.PackageName, y.PackageName) })
	return list
}
