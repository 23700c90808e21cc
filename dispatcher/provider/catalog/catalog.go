// Package catalog lists the vendors once. A new vendor is a constant, a line in
// Vendors and a case in New.
package catalog

import (
	"fmt"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/apns"
	"github.com/offlinepush/operator/dispatcher/provider/fcm"
	"github.com/offlinepush/operator/dispatcher/provider/harmonyos"
	"github.com/offlinepush/operator/dispatcher/provider/honor"
	"github.com/offlinepush/operator/dispatcher/provider/huawei"
	"github.com/offlinepush/operator/dispatcher/provider/meizu"
	"github.com/offlinepush/operator/dispatcher/provider/oppo"
	"github.com/offlinepush/operator/dispatcher/provider/vivo"
	"github.com/offlinepush/operator/dispatcher/provider/webpush"
	"github.com/offlinepush/operator/dispatcher/provider/xiaomi"
)

// Vendor is the name of a vendor in the API and in config.Channel.
type Vendor string

// The vendors.
const (
	FCM       Vendor = "FCM"
	Xiaomi    Vendor = "Xiaomi"
	Huawei    Vendor = "Huawei"
	HarmonyOS Vendor = "HarmonyOS"
	OPPO      Vendor = "OPPO"
	Vivo      Vendor = "Vivo"
	Honor     Vendor = "Honor"
	Meizu     Vendor = "Meizu"
	APNs      Vendor = "APNs"
	WebPush   Vendor = "WebPush"
)

// Vendors lists every vendor once, in the order of config.Channel's members.
func Vendors() []Vendor {
	return []Vendor{FCM, Xiaomi, Huawei, HarmonyOS, OPPO, Vivo, Honor, Meizu, APNs, WebPush}
}

// New makes the provider of a channel row.
func New(row config.Channel, deps provider.Deps) (provider.Provider, error) {
	switch Vendor(row.Vendor) {
	case FCM:
		return made(fcm.New(row, deps))
	case Xiaomi:
		return made(xiaomi.New(row, deps))
	case Huawei:
		return made(huawei.New(row, deps))
	case HarmonyOS:
		return made(harmonyos.New(row, deps))
	case OPPO:
		return made(oppo.New(row, deps))
	case Vivo:
		return made(vivo.New(row, deps))
	case Honor:
		return made(honor.New(row, deps))
	case Meizu:
		return made(meizu.New(row, deps))
	case APNs:
		return made(apns.New(row, deps))
	case WebPush:
		return made(webpush.New(row, deps))
	}
	return nil, fmt.Errorf("channel %s: vendor: %q is not one of %v", row.Name, row.Vendor, Vendors())
}

// Token brings what a phone registers into the one form in which it is stored and compared, or refuses it with an error
// that quotes nothing of it.
func Token(v Vendor, token string) (string, error) {
	switch v {
	case WebPush:
		return webpush.Canonical(token)
	case APNs:
		return apns.Token(token)
	case FCM, Xiaomi, Huawei, HarmonyOS, OPPO, Vivo, Honor, Meizu:
	}
	return token, nil
}

// Receipts reads a callback that came to the receipt URL of a channel row. The error is provider.ErrReceiptRefused or
// provider.ErrNoReceipts, or says what is malformed.
func Receipts(row config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	switch Vendor(row.Vendor) {
	case Xiaomi:
		return xiaomi.Receipts(row, c)
	case Huawei:
		return huawei.Receipts(row, c)
	case HarmonyOS:
		return harmonyos.Receipts(row, c)
	case OPPO:
		return oppo.Receipts(row, c)
	case Vivo:
		return vivo.Receipts(row, c)
	case Honor:
		return honor.Receipts(row, c)
	case Meizu:
		return meizu.Receipts(row, c)
	case FCM, APNs, WebPush:
	}
	return nil, fmt.Errorf("vendor %s: %w", row.Vendor, provider.ErrNoReceipts)
}

// Reports says whether a vendor tells what became of a push after its answer.
func Reports(v Vendor) bool {
	switch v {
	case Xiaomi, Huawei, HarmonyOS, OPPO, Vivo, Honor, Meizu:
		return true
	case FCM, APNs, WebPush:
	}
	return false
}

// Quota says how a vendor counts the pushes of a day.
func Quota(v Vendor) provider.QuotaRules {
	switch v {
	case Xiaomi:
		return xiaomi.Quota()
	case Huawei:
		return huawei.Quota()
	case HarmonyOS:
		return harmonyos.Quota()
	case OPPO:
		return oppo.Quota()
	case Vivo:
		return vivo.Quota()
	case Honor:
		return honor.Quota()
	case Meizu:
		return meizu.Quota()
	case FCM, APNs, WebPush:
	}
	return provider.QuotaRules{}
}

// made keeps a nil pointer from becoming a provider.
func made[P provider.Provider](p P, err error) (provider.Provider, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}
