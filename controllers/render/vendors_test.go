package render_test

import (
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
)

// credentialsOf is a value for every key of a channel's Secret.
func credentialsOf(spec pushv1.PushChannelSpec) render.Credentials {
	credentials := render.Credentials{}
	for _, key := range render.CredentialKeys(spec) {
		switch key.Name {
		case pushv1.FCMServiceAccountKey:
			credentials[key.Name] = config.NewSecret(serviceAccount)
		case pushv1.XiaomiAppSecretKey:
			credentials[key.Name] = config.NewSecret(appSecret)
		default:
			credentials[key.Name] = config.NewSecret(key.Name + credentialSuffix)
		}
	}
	return credentials
}

// sampleOf is the channel of a vendor as config/samples has it, with what the API server would fill in.
func sampleOf(t *testing.T, vendor string) pushv1.PushChannelSpec {
	t.Helper()
	b, err := os.ReadFile("../../config/samples/pushchannel_" + vendor + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "---\n")
	var channel pushv1.PushChannel
	if err := yaml.UnmarshalStrict([]byte(text), &channel); err != nil {
		t.Fatal(err)
	}
	switch {
	case channel.Spec.Meizu != nil:
		channel.Spec.Meizu.Region = pushv1.MeizuRegionChina
	case channel.Spec.WebPush != nil:
		channel.Spec.WebPush.AllowedHosts = []pushv1.HostPattern{"fcm.googleapis.com", "*.notify.windows.com"}
	}
	return channel.Spec
}

// TestEveryVendorIsRendered fails when a vendor of the catalogue is missing in one of render's switches.
func TestEveryVendorIsRendered(t *testing.T) {
	t.Parallel()
	for _, vendor := range catalog.Vendors() {
		t.Run(string(vendor), func(t *testing.T) {
			t.Parallel()
			spec := sampleOf(t, strings.ToLower(string(vendor)))
			encoded, err := render.EncodeChannel(render.Channel(spec, credentialsOf(spec), ""))
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := render.DecodeChannel(encoded)
			if err != nil {
				t.Fatal(err)
			}
			for name, secret := range credentialsOf(spec) {
				if !strings.Contains(decoded.Credential().Reveal(), secret.Reveal()) {
					t.Errorf("the value of %s is lost", name)
				}
			}
			if render.Limits(spec, 1, 1).RequestsPerSecond <= 1 {
				t.Error("the vendor has no granted limit")
			}
		})
	}
}
