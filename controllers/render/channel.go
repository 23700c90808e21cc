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

// Channel is a PushChannel as dispatchers run it, without what differs between the apps that use it. credentials are the
// values of CredentialKeys.
func Channel(spec pushv1.PushChannelSpec, credentials Credentials, caBundle string) config.Channel {
	out := config.Channel{Vendor: string(spec.Vendor), Endpoint: endpoint(spec.Endpoint, caBundle)}
	switch spec.Vendor {
	case pushv1.VendorFCM:
		out.FCM = fcm(spec.FCM, credentials)
	case pushv1.VendorXiaomi:
		out.Xiaomi = xiaomi(spec.Xiaomi, credentials)
	case pushv1.VendorHuawei:
		out.Huawei = huawei(spec.Huawei, credentials)
	case pushv1.VendorHarmonyOS:
		out.HarmonyOS = harmonyOS(spec.HarmonyOS, credentials)
	case pushv1.VendorOPPO:
		out.OPPO = oppo(spec.OPPO, credentials)
	case pushv1.VendorVivo:
		out.Vivo = vivo(spec.Vivo, credentials)
	case pushv1.VendorHonor:
		out.Honor = honor(spec.Honor, credentials)
	case pushv1.VendorMeizu:
		out.Meizu = meizu(spec.Meizu, credentials)
	case pushv1.VendorAPNs:
		out.APNs = apns(spec.APNs, credentials)
	case pushv1.VendorWebPush:
		out.WebPush = webPush(spec.WebPush, credentials)
	}
	return out
}

func endpoint(e *pushv1.ChannelEndpoint, caBundle string) config.Endpoint {
	if e == nil {
		return config.Endpoint{}
	}
	return config.Endpoint{URL: string(e.URL), AuthURL: string(e.AuthURL), CABundle: caBundle}
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
	if json.Unmarshal(encoded, &d) != nil || len(d.Channels) != 1 || d.Channels[0].Credential().IsZero() {
		return config.Channel{}, errors.New("holds no channel")
	}
	return d.Channels[0], nil
}
