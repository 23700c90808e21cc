package config_test

import (
	"slices"
	"strings"
	"testing"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
)

// TestQuotaClassesOfEveryVendor: the CRD takes the classes that the vendor counts, and no others.
func TestQuotaClassesOfEveryVendor(t *testing.T) {
	t.Parallel()
	var all []provider.QuotaClass
	for _, v := range catalog.Vendors() {
		all = append(all, catalog.Quota(v).Classes...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	for _, vendor := range vendors(t) {
		classes := catalog.Quota(catalog.Vendor(vendor)).Classes
		var changes []change[channel]
		for _, class := range all {
			c := change[channel]{name: string(vendor) + " " + string(class), edit: func(c channel) {
				q := pushv1.DailyQuota{Class: pushv1.QuotaClass(class), Pushes: 1000}
				if vendor == pushv1.VendorXiaomi && class == provider.QuotaPublic {
					q.ChannelIDs = []string{"100001"}
				}
				c.Spec.Limits.DailyQuotas = []pushv1.DailyQuota{q}
			}}
			if !slices.Contains(classes, class) {
				c.want = []string{"`limits.dailyQuotas` must name classes of the vendor"}
			}
			changes = append(changes, c)
		}
		checkCreate(t, func(namespace string) channel {
			c, _ := sample(t, vendor)
			c.Namespace = namespace
			return c
		}, changes)
	}
}

func TestPushChannelQuotas(t *testing.T) {
	t.Parallel()
	quota := func(class pushv1.QuotaClass, pushes int32, ids ...string) pushv1.DailyQuota {
		return pushv1.DailyQuota{Class: class, Pushes: pushes, ChannelIDs: ids}
	}
	with := func(quotas ...pushv1.DailyQuota) func(channel) {
		return func(c channel) { c.Spec.Limits.DailyQuotas = quotas }
	}
	const onlyPublic = "`limits.dailyQuotas[].channelIDs` must be set for class 'Public' of Xiaomi, and only then"
	checkCreate(t, xiaomiChannel, []change[channel]{
		{name: "every class", edit: with(quota("Default", 1), quota("Public", 2_000_000_000, "100001", "100002"), quota("Private", 5))},
		{name: "public without categories", edit: with(quota("Public", 5)), want: []string{onlyPublic}},
		{name: "private with categories", edit: with(quota("Private", 5, "100001")), want: []string{onlyPublic}},
		{name: "a class twice", edit: with(quota("Default", 1), quota("Default", 2)), want: []string{"spec.limits.dailyQuotas[1]: Duplicate value"}},
		{name: "a category twice", edit: with(quota("Public", 1, "a", "a")), want: []string{"channelIDs[1]: Duplicate value"}},
		{name: "no name", edit: with(quota("Public", 1, "")), want: []string{"channelIDs[0]"}},
		{name: "none at all", edit: with(quota("Default", 0)), want: []string{"spec.limits.dailyQuotas[0].pushes"}},
		{name: "too many", edit: with(quota("Default", 2_000_000_001)), want: []string{"spec.limits.dailyQuotas[0].pushes"}},
		{name: "another class", edit: with(quota("Urgent", 1)), want: []string{"spec.limits.dailyQuotas[0].class"}},
		{name: "a zone", edit: func(c channel) { c.Spec.Limits.QuotaTimeZone = "America/Argentina/Buenos_Aires" }},
		{name: "no zone", edit: func(c channel) { c.Spec.Limits.QuotaTimeZone = "+08:00" }, want: []string{"spec.limits.quotaTimeZone"}},
		{name: "a long zone", edit: func(c channel) { c.Spec.Limits.QuotaTimeZone = strings.Repeat("A", 65) }, want: []string{"spec.limits.quotaTimeZone"}},
		{name: "no reserve", edit: func(c channel) { c.Spec.Limits.QuotaReservePercent = new(int32(0)) }},
		{name: "all reserved", edit: func(c channel) { c.Spec.Limits.QuotaReservePercent = new(int32(51)) }, want: []string{"spec.limits.quotaReservePercent"}},
	})
}
