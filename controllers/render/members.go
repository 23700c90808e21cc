package render

import (
	"encoding/json"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

func fcm(spec *pushv1.FCMChannel, c Credentials) *config.FCMChannel {
	account := c[pushv1.FCMServiceAccountKey]
	return &config.FCMChannel{ProjectID: projectID(spec.ProjectID, account), Target: string(spec.Target), ServiceAccount: account}
}

func xiaomi(spec *pushv1.XiaomiChannel, c Credentials) *config.XiaomiChannel {
	return &config.XiaomiChannel{
		PackageName: spec.PackageName, Region: string(spec.Region), Path: spec.Path, AppSecret: c[pushv1.XiaomiAppSecretKey],
	}
}

func huawei(spec *pushv1.HuaweiChannel, c Credentials) *config.HuaweiChannel {
	return &config.HuaweiChannel{
		AppID: spec.AppID, BadgeClass: string(spec.BadgeClass), ReceiptID: spec.ReceiptID, AppSecret: c[pushv1.HuaweiAppSecretKey],
		ReceiptUser: c[pushv1.ReceiptUserKey], ReceiptKey: c[pushv1.ReceiptKeyKey],
	}
}

func harmonyOS(spec *pushv1.HarmonyOSChannel, c Credentials) *config.HarmonyOSChannel {
	account := c[pushv1.HarmonyOSServiceAccountKey]
	return &config.HarmonyOSChannel{
		ProjectID: projectID(spec.ProjectID, account), ReceiptID: spec.ReceiptID, ServiceAccount: account,
		ReceiptUser: c[pushv1.ReceiptUserKey], ReceiptKey: c[pushv1.ReceiptKeyKey],
	}
}

func oppo(spec *pushv1.OPPOChannel, c Credentials) *config.OPPOChannel {
	return &config.OPPOChannel{AppKey: spec.AppKey, Region: string(spec.Region), MasterSecret: c[pushv1.OPPOMasterSecretKey]}
}

func vivo(spec *pushv1.VivoChannel, c Credentials) *config.VivoChannel {
	return &config.VivoChannel{
		AppID: spec.AppID, AppKey: spec.AppKey, ReceiptID: spec.ReceiptID, AppSecret: c[pushv1.VivoAppSecretKey],
	}
}

func honor(spec *pushv1.HonorChannel, c Credentials) *config.HonorChannel {
	return &config.HonorChannel{
		AppID: spec.AppID, ClientID: spec.ClientID, BadgeClass: string(spec.BadgeClass), ReceiptID: spec.ReceiptID,
		ClientSecret: c[pushv1.HonorClientSecretKey],
	}
}

func meizu(spec *pushv1.MeizuChannel, c Credentials) *config.MeizuChannel {
	return &config.MeizuChannel{
		AppID: spec.AppID, Region: string(spec.Region),
		AppSecret: c[pushv1.MeizuAppSecretKey], ReceiptToken: c[pushv1.MeizuReceiptTokenKey],
	}
}

func apns(spec *pushv1.APNsChannel, c Credentials) *config.APNsChannel {
	out := &config.APNsChannel{
		BundleID: spec.BundleID, Environment: string(spec.Environment), TeamID: string(spec.TeamID), KeyID: string(spec.KeyID),
	}
	if spec.KeyID != "" {
		out.PrivateKey = c[pushv1.APNsPrivateKeyKey]
		return out
	}
	out.Certificate, out.PrivateKey = c[pushv1.APNsCertificateKey], c[pushv1.APNsCertificateKeyKey]
	return out
}

func webPush(spec *pushv1.WebPushChannel, c Credentials) *config.WebPushChannel {
	hosts := make([]string, len(spec.AllowedHosts))
	for i, h := range spec.AllowedHosts {
		hosts[i] = string(h)
	}
	return &config.WebPushChannel{
		Subject: spec.Subject, PublicKey: spec.PublicKey, AllowedHosts: hosts, PrivateKey: c[pushv1.WebPushPrivateKeyKey],
	}
}

// projectID reads the project from a service account when the spec names none; Google and Huawei call it the same.
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
