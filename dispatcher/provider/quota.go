package provider

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
)

// QuotaClass is a class of messages of which a vendor counts the pushes of a day by themselves.
type QuotaClass string

// The classes of all vendors, by the vendors' own names.
const (
	// QuotaDefault are Xiaomi's pushes outside of a category.
	QuotaDefault QuotaClass = "Default"
	// QuotaPublic and QuotaPrivate are those of Xiaomi and Meizu.
	QuotaPublic  QuotaClass = "Public"
	QuotaPrivate QuotaClass = "Private"
	// QuotaMarketing and QuotaService are those of Huawei, Honor and OPPO.
	QuotaMarketing QuotaClass = "Marketing"
	QuotaService   QuotaClass = "Service"
	// QuotaOperation and QuotaSystem are vivo's.
	QuotaOperation QuotaClass = "Operation"
	QuotaSystem    QuotaClass = "System"
	// QuotaTest are pushes to test phones.
	QuotaTest QuotaClass = "Test"
)

// QuotaRules say how a vendor counts the pushes of a day; zero means that it counts none.
type QuotaRules struct {
	// Classes are those that the vendor has.
	Classes []QuotaClass
	// ClassOf is the class of a notification through a channel row.
	ClassOf func(config.Channel, Notification) QuotaClass
	// Hours are those classes that the vendor takes at some hours of the day only.
	Hours map[QuotaClass]Hours
}

// Hours is a time of the day in China.
type Hours struct {
	// From is the hour at which it begins, To the one at which it ends.
	From, To int
}

// Begins is when it begins next; zero while it lasts.
func (h Hours) Begins(now time.Time) time.Time {
	china := now.In(China())
	if hour := china.Hour(); hour >= h.From && hour < h.To {
		return time.Time{}
	}
	day := china.Day()
	if china.Hour() >= h.To {
		day++
	}
	return time.Date(china.Year(), china.Month(), day, h.From, 0, 0, 0, china.Location())
}

// QuotaDay is the end of the vendor's day in the zone, or in China for nil.
func QuotaDay(now time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = China()
	}
	y, m, d := now.In(zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}
