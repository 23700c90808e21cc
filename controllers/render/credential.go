package render

import (
	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

// Credentials are the values of a channel's Secret by their keys.
type Credentials map[string]config.Secret

// CredentialKey is a key of the Secret that people make for a channel.
type CredentialKey struct {
	Name string
	// Optional keys may be missing.
	Optional bool
}

// CredentialKeys are the keys of a channel's Secret.
func CredentialKeys(spec pushv1.PushChannelSpec) []CredentialKey {
	switch spec.Vendor {
	case pushv1.VendorFCM:
		return needed(pushv1.FCMServiceAccountKey)
	case pushv1.VendorXiaomi:
		return needed(pushv1.XiaomiAppSecretKey)
	case pushv1.VendorHuawei:
		return append(needed(pushv1.HuaweiAppSecretKey), possible(pushv1.ReceiptUserKey, pushv1.ReceiptKeyKey)...)
	case pushv1.VendorHarmonyOS:
		return append(needed(pushv1.HarmonyOSServiceAccountKey), possible(pushv1.ReceiptUserKey, pushv1.ReceiptKeyKey)...)
	case pushv1.VendorOPPO:
		return needed(pushv1.OPPOMasterSecretKey)
	case pushv1.VendorVivo:
		return needed(pushv1.VivoAppSecretKey)
	case pushv1.VendorHonor:
		return needed(pushv1.HonorClientSecretKey)
	case pushv1.VendorMeizu:
		return append(needed(pushv1.MeizuAppSecretKey), possible(pushv1.MeizuReceiptTokenKey)...)
	case pushv1.VendorAPNs:
		return apnsKeys(spec.APNs)
	case pushv1.VendorWebPush:
		return needed(pushv1.WebPushPrivateKeyKey)
	}
	return nil
}

// apnsKeys are those of a signing key or of a certificate.
func apnsKeys(spec *pushv1.APNsChannel) []CredentialKey {
	if spec.KeyID != "" {
		return needed(pushv1.APNsPrivateKeyKey)
	}
	return needed(pushv1.APNsCertificateKey, pushv1.APNsCertificateKeyKey)
}

func needed(names ...string) []CredentialKey { return keys(names, false) }

func possible(names ...string) []CredentialKey { return keys(names, true) }

func keys(names []string, optional bool) []CredentialKey {
	out := make([]CredentialKey, len(names))
	for i, name := range names {
		out[i] = CredentialKey{Name: name, Optional: optional}
	}
	return out
}
