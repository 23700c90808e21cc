package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (c *FCMChannel) validate(path string, suspended bool) error {
	if suspended {
		return nil // the project may be known only from the credential
	}
	return errors.Join(required(path+".projectID", c.ProjectID), credential(path+".serviceAccount", c.ServiceAccount, suspended))
}

func (c *XiaomiChannel) validate(path string, suspended bool) error {
	return errors.Join(
		required(path+".packageName", c.PackageName),
		oneOf(path+".region", c.Region, ScopeOf("Xiaomi").Regions...),
		credential(path+".appSecret", c.AppSecret, suspended))
}

func (c *HuaweiChannel) validate(path string, suspended bool) error {
	return errors.Join(
		required(path+".appID", c.AppID),
		together(path, "receiptUser", c.ReceiptUser.value, "receiptKey", c.ReceiptKey.value),
		credential(path+".appSecret", c.AppSecret, suspended))
}

func (c *HarmonyOSChannel) validate(path string, suspended bool) error {
	if suspended {
		return nil // the project may be known only from the credential
	}
	return errors.Join(
		required(path+".projectID", c.ProjectID),
		together(path, "receiptUser", c.ReceiptUser.value, "receiptKey", c.ReceiptKey.value),
		credential(path+".serviceAccount", c.ServiceAccount, suspended))
}

func (c *OPPOChannel) validate(path string, suspended bool) error {
	return errors.Join(
		required(path+".appKey", c.AppKey),
		oneOf(path+".region", c.Region, ScopeOf("OPPO").Regions...),
		credential(path+".masterSecret", c.MasterSecret, suspended))
}

func (c *VivoChannel) validate(path string, suspended bool) error {
	errs := []error{required(path+".appKey", c.AppKey), credential(path+".appSecret", c.AppSecret, suspended)}
	if c.AppID < 1 {
		errs = append(errs, fmt.Errorf("%s.appID: is %d, must be a positive number", path, c.AppID))
	}
	return errors.Join(errs...)
}

func (c *HonorChannel) validate(path string, suspended bool) error {
	return errors.Join(
		required(path+".appID", c.AppID),
		required(path+".clientID", c.ClientID),
		credential(path+".clientSecret", c.ClientSecret, suspended))
}

func (c *MeizuChannel) validate(path string, suspended bool) error {
	return errors.Join(
		required(path+".appID", c.AppID),
		oneOf(path+".region", c.Region, ScopeOf("Meizu").Regions...),
		credential(path+".appSecret", c.AppSecret, suspended))
}

func (c *APNsChannel) validate(path string, suspended bool) error {
	errs := []error{
		required(path+".bundleID", c.BundleID),
		oneOf(path+".environment", c.Environment, ScopeOf("APNs").Environments...),
		together(path, "teamID", c.TeamID, "keyID", c.KeyID),
		credential(path+".privateKey", c.PrivateKey, suspended),
	}
	if c.KeyID == "" {
		errs = append(errs, credential(path+".certificate", c.Certificate, suspended))
	}
	return errors.Join(errs...)
}

func (c *WebPushChannel) validate(path string, suspended bool) error {
	errs := []error{required(path+".subject", c.Subject), credential(path+".privateKey", c.PrivateKey, suspended)}
	if len(c.AllowedHosts) == 0 {
		errs = append(errs, fmt.Errorf("%s.allowedHosts: must list at least one", path))
	}
	return errors.Join(errs...)
}

// Zone is that of QuotaTimeZone; nil means China's.
func (l Limits) Zone() (*time.Location, error) {
	if l.QuotaTimeZone == "" {
		return nil, nil //nolint:nilnil // The vendor's own.
	}
	if l.QuotaTimeZone == "Local" {
		return nil, errors.New("quotaTimeZone: \"Local\" is no place: give a name such as Asia/Shanghai")
	}
	zone, err := time.LoadLocation(l.QuotaTimeZone)
	if err != nil {
		return nil, fmt.Errorf("quotaTimeZone: %q is not known: give a name of the time zone database, such as Asia/Shanghai", l.QuotaTimeZone)
	}
	return zone, nil
}

func (l Limits) validate(path string) error {
	var errs []error
	if _, err := l.Zone(); err != nil {
		errs = append(errs, fmt.Errorf("%s.%w", path, err))
	}
	classes := map[string]bool{}
	for i, q := range l.DailyQuotas {
		at := fmt.Sprintf("%s.dailyQuotas[%d]", path, i)
		errs = append(errs, required(at+".class", q.Class), within(at+".pushes", q.Pushes, 1, 1<<40))
		if classes[q.Class] {
			errs = append(errs, fmt.Errorf("%s.class: %q is there twice", at, q.Class))
		}
		classes[q.Class] = true
	}
	return errors.Join(append(errs, within(path+".quotaReservePercent", int64(l.QuotaReservePercent), 0, 50))...)
}

func credential(path string, s Secret, suspended bool) error {
	if suspended {
		return nil
	}
	return required(path, s.value)
}

func together(path, oneName, one, otherName, other string) error {
	if (one == "") != (other == "") {
		return fmt.Errorf("%s: %s and %s must be set together", path, oneName, otherName)
	}
	return nil
}

func oneOf(path, value string, allowed ...string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("%s: is %q, must be one of %s", path, value, strings.Join(allowed, ", "))
	}
	return nil
}
