package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
)

// Accounts are the vendor accounts that a simulator has from the start.
type Accounts struct {
	FCM    FCMAccounts    `json:"fcm,omitzero"`
	Xiaomi XiaomiAccounts `json:"xiaomi,omitzero"`
}

// FCMAccounts are projects and service accounts, these as Google's console gives them.
// The project of a service account is made if it is not listed.
type FCMAccounts struct {
	Projects        []fcm.Project        `json:"projects,omitempty"`
	ServiceAccounts []fcm.ServiceAccount `json:"serviceAccounts,omitempty"`
}

// XiaomiAccounts are apps with their secrets.
type XiaomiAccounts struct {
	Apps []xiaomi.App `json:"apps,omitempty"`
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
	for i, app := range a.Xiaomi.Apps {
		if app.AppSecret == "" {
			return fmt.Errorf("accounts: xiaomi.apps[%d].appSecret: must be set", i)
		}
		if _, err := v.xiaomi.AddApp(app); err != nil {
			return fmt.Errorf("accounts: xiaomi.apps[%d]: %w", i, err)
		}
	}
	return nil
}
