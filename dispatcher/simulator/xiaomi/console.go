package xiaomi

import (
	"crypto/subtle"
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
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
	// Templates are the approved templates of a private channel. If there are some, each push must fill in one of them, by
	// the rules of 2026.
	Templates []Template `json:"templates,omitempty"`
}

// Template is a private-message template with the names of its parameters.
type Template struct {
	ID         string   `json:"id"`
	Parameters []string `json:"parameters,omitempty"`
}

func newConsole() *apps.Console[App] {
	var console *apps.Console[App]
	console = apps.NewConsole(apps.Kind[App]{
		Vendor: Name,
		ID:     func(a App) string { return a.PackageName },
		Secret: func(a *App) *string { return &a.AppSecret },
		Check: func(a App) error {
			if strings.Contains(a.PackageName, ",") {
				return adminapi.Invalid("packageName: must be without comma")
			}
			if a.DayQuota < 0 || a.RequestsPerSecond < 0 {
				return adminapi.Invalid("dayQuota and requestsPerSecond: must not be negative")
			}
			if other, ok := console.Find(hasSecret(a.AppSecret)); ok && other.PackageName != a.PackageName {
				return adminapi.Conflict("appSecret: belongs to another app; give another one or none")
			}
			return nil
		},
	})
	return console
}

// hasSecret matches the app whose secret this is. A revoked app has none.
func hasSecret(secret string) func(App) bool {
	return func(a App) bool {
		return a.AppSecret != "" && subtle.ConstantTimeCompare([]byte(a.AppSecret), []byte(secret)) == 1
	}
}

func (a App) channel(id string) (Channel, bool) {
	i := slices.IndexFunc(a.Channels, func(c Channel) bool { return c.ID == id })
	if i < 0 {
		return Channel{}, false
	}
	return a.Channels[i], true
}

// full tells whether the day's quota is used up for pushes to the channel.
func (v *Vendor) full(a App, channelID string) bool {
	c, _ := a.channel(channelID)
	return a.DayQuota > 0 && !c.Private && v.delivered.Used(a.PackageName) >= a.DayQuota
}

// bury keeps dead ids until the app fetches them.
func (v *Vendor) bury(a App, ids []string) {
	v.dead.Change(a.PackageName, func(known []string) []string {
		all := slices.Concat(known, ids)
		return all[max(0, len(all)-maxInvalid):]
	})
}

func (v *Vendor) fetchInvalid(a App) (ids []string) {
	v.dead.Change(a.PackageName, func(known []string) []string {
		ids = append([]string{}, known...)
		return nil
	})
	return ids
}
