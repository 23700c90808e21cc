package harmonyos

import (
	"strings"
	"testing"
)

// FuzzAccount: a key file is taken or refused, and the error quotes nothing of the key.
func FuzzAccount(f *testing.F) {
	f.Add([]byte(`{"project_id":"736430079244736","key_id":"k","sub_account":"1","private_key":"x"}`))
	f.Add([]byte(`{"private_key":["x"]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := parseAccount(content, project)
		if err != nil && len(a.PrivateKey) > 16 && strings.Contains(err.Error(), a.PrivateKey) {
			t.Errorf("the error quotes the key: %v", err)
		}
		if err == nil && (a.key == nil || a.ProjectID != project) {
			t.Errorf("got %q", a.ProjectID)
		}
	})
}
