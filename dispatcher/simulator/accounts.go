package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/offlinepush/operator/dispatcher/simulator/apns"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
	"github.com/offlinepush/operator/dispatcher/simulator/harmonyos"
	"github.com/offlinepush/operator/dispatcher/simulator/honor"
	"github.com/offlinepush/operator/dispatcher/simulator/huawei"
	"github.com/offlinepush/operator/dispatcher/simulator/meizu"
	"github.com/offlinepush/operator/dispatcher/simulator/oppo"
	"github.com/offlinepush/operator/dispatcher/simulator/vivo"
	"github.com/offlinepush/operator/dispatcher/simulator/webpush"
	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
)

// Accounts are the vendor accounts that a simulator has from the start.
type Accounts struct {
	FCM       FCMAccounts             `json:"fcm,omitzero"`
	Xiaomi    Apps[xiaomi.App]        `json:"xiaomi,omitzero"`
	Huawei    Apps[huawei.App]        `json:"huawei,omitzero"`
	HarmonyOS Apps[harmonyos.Project] `json:"harmonyos,omitzero"`
	OPPO      Apps[oppo.App]          `json:"oppo,omitzero"`
	Vivo      Apps[vivo.App]          `json:"vivo,omitzero"`
	Honor     Apps[honor.App]         `json:"honor,omitzero"`
	Meizu     Apps[meizu.App]         `json:"meizu,omitzero"`
	APNs      Apps[apns.App]          `json:"apns,omitzero"`
	WebPush   Apps[webpush.App]       `json:"webpush,omitzero"`
}

// FCMAccounts are projects and service accounts, these as Google's console gives them.
// The project of a service account is made if it is not listed.
type FCMAccounts struct {
	Projects        []fcm.Project        `json:"projects,omitempty"`
	ServiceAccounts []fcm.ServiceAccount `json:"serviceAccounts,omitempty"`
}

// Apps are the apps of a vendor, with their secrets.
type Apps[A any] struct {
	Apps []A `json:"apps,omitempty"`
}

// ReadAccounts reads a JSON file.
func ReadAccounts(file string) (Accounts, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Accounts{}, fmt.Errorf("accounts: %w", err)
	}
	a, err := ParseAccounts(content)
	if err != nil {
		return Accounts{}, fmt.Errorf("accounts: %s: %w", file, err)
	}
	return a, nil
}

// ParseAccounts reads JSON.
func ParseAccounts(content []byte) (Accounts, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	var a Accounts
	err := decoder.Decode(&a)
	return a, err
}

func (a Accounts) apply(v *vendors) error {
	for i, p := range a.FCM.Projects {
		if err := v.fcm.AddProject(p); err != nil {
			return fmt.Errorf("accounts: fcm.projects[%d]: %w", i, err)
		}
	}
	for i, s := range a.FCM.ServiceAccounts {
		if err := v.fcm.AddAccount(s); err != nil {
			return fmt.Errorf("accounts: fcm.serviceAccounts[%d]: %w", i, err)
		}
	}
	return errors.Join(
		a.Xiaomi.apply(xiaomi.Name, v.xiaomi.Add, func(a xiaomi.App) string { return a.AppSecret }),
		a.Huawei.apply(huawei.Name, v.huawei.Add, func(a huawei.App) string { return a.AppSecret }),
		a.HarmonyOS.apply(harmonyos.Name, v.harmonyOS.Add, func(p harmonyos.Project) string { return p.PrivateKey }),
		a.OPPO.apply(oppo.Name, v.oppo.Add, func(a oppo.App) string { return a.MasterSecret }),
		a.Vivo.apply(vivo.Name, v.vivo.Add, func(a vivo.App) string { return a.AppSecret }),
		a.Honor.apply(honor.Name, v.honor.Add, func(a honor.App) string { return a.ClientSecret }),
		a.Meizu.apply(meizu.Name, v.meizu.Add, func(a meizu.App) string { return a.AppSecret }),
		a.APNs.apply(apns.Name, v.apns.Add, func(a apns.App) string { return a.PrivateKey }),
		a.WebPush.apply(webpush.Name, v.webpush.AddApp, func(a webpush.App) string { return a.PrivateKey }),
	)
}

// apply gives the apps to the vendor. An app from a file has its secret, because nobody would learn of another.
func (a Apps[A]) apply(vendor string, add func(A) (A, error), secret func(A) string) error {
	for i, app := range a.Apps {
		if secret(app) == "" {
			return fmt.Errorf("accounts: %s.apps[%d]: the app's secret must be set", vendor, i)
		}
		if _, err := add(app); err != nil {
			return fmt.Errorf("accounts: %s.apps[%d]: %w", vendor, i, err)
		}
	}
	return nil
}
