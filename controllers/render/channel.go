package render

import (
	"encoding/json"
	"errors"
	"fmt"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

// AcceptedKey is the key of a channel's accepted Secret that holds the channel as dispatchers run it.
const AcceptedKey = "channel.json"

// AcceptedName is the name of the Secret with a channel's accepted credential.
func AcceptedName(channel string) string { return channel + "-accepted" }

// CredentialKey is the key of the vendor's credential in the Secret that people make.
func CredentialKey(v pushv1.Vendor) string {
	switch v {
	case pushv1.VendorFCM:
		return pushv1.FCMServiceAccountKey
	case pushv1.VendorXiaomi:
		return pushv1.XiaomiAppSecretKey
	}
	return ""
}

// Channel is a PushChannel as dispatchers run it, without what differs between the apps that use it.
func Channel(spec pushv1.PushChannelSpec, credential config.Secret, caBundle string) config.Channel {
	out := config.Channel{Vendor: string(spec.Vendor)}
	if e := spec.Endpoint; e != nil {
		out.Endpoint = config.Endpoint{URL: string(e.URL), AuthURL: string(e.AuthURL), CABundle: caBundle}
	}
	switch spec.Vendor {
	case pushv1.VendorFCM:
		out.FCM = &config.FCMChannel{
			ProjectID:      projectID(spec.FCM.ProjectID, credential),
			Target:         string(spec.FCM.Target),
			ServiceAccount: credential,
		}
	case pushv1.VendorXiaomi:
		out.Xiaomi = &config.XiaomiChannel{
			PackageName: spec.Xiaomi.PackageName,
			Region:      string(spec.Xiaomi.Region),
			Path:        spec.Xiaomi.Path,
			AppSecret:   credential,
		}
	}
	return out
}

// projectID reads the Firebase project from the service account when the spec names none.
func projectID(wanted string, serviceAccount config.Secret) string {
	if wanted != "" {
		return wanted
	}
	var account struct {
		ProjectID string `json:"project_id"`
	}
	if json.Unmarshal([]byte(serviceAccount.Reveal()), &account) != nil {
		return ""
	}
	return account.ProjectID
}

// Credential is the secret of a channel.
func Credential(c config.Channel) config.Secret {
	switch pushv1.Vendor(c.Vendor) {
	case pushv1.VendorFCM:
		if c.FCM != nil {
			return c.FCM.ServiceAccount
		}
	case pushv1.VendorXiaomi:
		if c.Xiaomi != nil {
			return c.Xiaomi.AppSecret
		}
	}
	return config.Secret{}
}

// EncodeChannel writes a channel with its secret, for its accepted Secret.
func EncodeChannel(c config.Channel) ([]byte, error) {
	b, err := config.Encode(&config.Document{Version: config.Version, Channels: []config.Channel{c}})
	if err != nil {
		return nil, fmt.Errorf("encoding the channel: %w", err)
	}
	return b, nil
}

// DecodeChannel reads what EncodeChannel wrote. Its errors never quote the text.
func DecodeChannel(encoded []byte) (config.Channel, error) {
	var d config.Document
	if json.Unmarshal(encoded, &d) != nil || len(d.Channels) != 1 || Credential(d.Channels[0]).IsZero() {
		return config.Channel{}, errors.New("holds no channel")
	}
	return d.Channels[0], nil
}
