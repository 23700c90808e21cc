package vivo

import (
	"strconv"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/apps"
)

// authRate is how many token exchanges of an app vivo takes in a second.
const authRate = 10

// App is an app in vivo's console.
type App struct {
	AppID     int64  `json:"appID"`
	AppKey    string `json:"appKey"`
	AppSecret string `json:"appSecret"`
	// OperationQuota and SystemQuota are how many messages of a class may arrive in a day, PayloadQuota how many may be
	// stored for lists; 0 for no limit.
	OperationQuota int `json:"operationQuota,omitempty"`
	SystemQuota    int `json:"systemQuota,omitempty"`
	PayloadQuota   int `json:"payloadQuota,omitempty"`
	// MessagesPerSecond is how many messages are taken, 0 for no limit.
	MessagesPerSecond int `json:"messagesPerSecond,omitempty"`
	// OperationRules applies what vivo demands of operational messages: none at night, two a day for each phone, and the
	// same text once.
	OperationRules bool `json:"operationRules,omitempty"`
	// NoSystem says that system messages were not granted.
	NoSystem bool `json:"noSystem,omitempty"`
	// UnderReview says that only test messages are taken.
	UnderReview bool `json:"underReview,omitempty"`
	// TestPhones are the registration ids that get test messages.
	TestPhones []string `json:"testPhones,omitempty"`
	// Receipts are the receipt URLs that are registered, by their ids.
	Receipts map[string]string `json:"receipts,omitempty"`
}

func (a App) id() string {
	if a.AppID <= 0 {
		return ""
	}
	return strconv.FormatInt(a.AppID, 10)
}

func newConsole() *apps.Console[App] {
	return apps.NewConsole(apps.Kind[App]{
		Vendor: Name, ID: App.id, Secret: func(a *App) *string { return &a.AppSecret },
		Check: func(a App) error {
			switch {
			case a.AppKey == "":
				return adminapi.Invalid("appKey: must be set")
			case a.OperationQuota < 0 || a.SystemQuota < 0 || a.PayloadQuota < 0 || a.MessagesPerSecond < 0:
				return adminapi.Invalid("quotas and messagesPerSecond: must not be negative")
			}
			return nil
		},
	})
}
