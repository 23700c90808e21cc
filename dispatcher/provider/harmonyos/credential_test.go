package harmonyos

import (
	"errors"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

func TestParseAccount(t *testing.T) {
	t.Parallel()
	broken := strings.Replace(privatePEM(), "MII", "AII", 1)
	tests := []struct {
		name    string
		account []byte
		want    string
	}{
		{"good", account(t, nil), ""},
		{"without addresses", account(t, map[string]string{"token_uri": "", "auth_uri": ""}), ""},
		{"empty", nil, "is not JSON"},
		{"not JSON", []byte(privatePEM()), "is not JSON"},
		{"wrong type of a field", []byte(`{"sub_account":17}`), "sub_account: must be string"},
		{"agconnect-services.json", []byte(`{"client":{"project_id":"p"}}`), "project_id: is missing"},
		{"no key id", account(t, map[string]string{"key_id": ""}), "key_id: is missing"},
		{"no account", account(t, map[string]string{"sub_account": ""}), "sub_account: is missing"},
		{"no key", account(t, map[string]string{"private_key": ""}), "private_key: is missing"},
		{"broken key", account(t, map[string]string{"private_key": broken}), "private_key: is not an RSA key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parseAccount(tt.account, project)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "MII") || strings.Contains(err.Error(), "17")) {
				t.Errorf("the error quotes the key: %v", err)
			}
		})
	}
	if got, err := parseAccount(account(t, nil), ""); got.ProjectID != project || err != nil {
		t.Errorf("got project %q, %v", got.ProjectID, err)
	}
}

func TestOtherProject(t *testing.T) {
	t.Parallel()
	c := row(t)
	c.HarmonyOS = &config.HarmonyOSChannel{ProjectID: "other-1", ServiceAccount: c.HarmonyOS.ServiceAccount}
	_, err := New(c, providertest.Deps())
	e, ok := errors.AsType[*provider.MismatchError](err)
	if !ok || e.Field != "harmonyOS.projectID" || !strings.Contains(err.Error(), `is "other-1", but project_id of service-account.json is "736430079244736"`) {
		t.Errorf("got %v", err)
	}
}
