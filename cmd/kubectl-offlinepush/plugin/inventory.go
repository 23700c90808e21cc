package plugin

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// inventory is what is expected of a store.
type inventory struct {
	devices map[string]*expectation   // by push id
	holders map[[16]byte]*expectation // by token
}

// expectation is what is expected of a device.
type expectation struct {
	digest [16]byte
	seen   int64
	// anyRegion is for rows of a token table, where the store fills in the region.
	anyRegion     bool
	met, replaced bool
}

func newInventory() *inventory {
	return &inventory{devices: map[string]*expectation{}, holders: map[[16]byte]*expectation{}}
}

// add expects a device. Of two states of one the later one counts, as in a store.
func (v *inventory) add(d wire.DeviceRecord, row bool) {
	e := &expectation{seen: d.SeenAt.UnixMilli(), anyRegion: row}
	if known := v.devices[d.PushID]; known != nil && known.seen >= e.seen {
		return
	}
	e.digest = e.digestOf(d)
	v.devices[d.PushID] = e
	for kind, token := range d.Tokens {
		v.holders[tokenKey(d, kind, token)] = e
	}
}

func (e *expectation) digestOf(d wire.DeviceRecord) [16]byte {
	if e.anyRegion {
		d.Region = ""
	}
	return shortDigest(d)
}

func shortDigest(d wire.DeviceRecord) [16]byte {
	digest := bulk.Digest(d)
	return [16]byte(digest[:16])
}

// tokenKey is what a store has once at most.
func tokenKey(d wire.DeviceRecord, kind, token string) [16]byte {
	digest := sha256.Sum256(fmt.Appendf(nil, "%q %d %q %q %q", d.Vendor, d.AppType, d.Environment, kind, token))
	return [16]byte(digest[:16])
}

// meet compares a device of the store.
func (v *inventory) meet(d wire.DeviceRecord, diff *difference) {
	seen := d.SeenAt.UnixMilli()
	for kind, token := range d.Tokens {
		if former := v.holders[tokenKey(d, kind, token)]; former != nil && former != v.devices[d.PushID] {
			former.replaced = former.replaced || seen >= former.seen
		}
	}
	e := v.devices[d.PushID]
	switch {
	case e == nil:
		diff.onlyThere.add(d.PushID)
		return
	case e.digest == e.digestOf(d):
		diff.same++
	case seen > e.seen:
		diff.later.add(d.PushID)
	default:
		diff.other.add(d.PushID)
	}
	e.met = true
}

// miss finds what the store does not have.
func (v *inventory) miss(diff *difference) {
	for pushID, e := range v.devices {
		switch {
		case e.met:
		case e.replaced:
			diff.replaced.add(pushID)
		default:
			diff.missing.add(pushID)
		}
	}
}

// difference is what a comparison found.
type difference struct {
	same int64
	// missing and other are never right; the others are, when phones use the store.
	missing, other, later, replaced, onlyThere group
}

// groups are the kinds of differences.
func (d *difference) groups() []*group {
	d.missing.what = "missing in the store"
	d.other.what = "different in the store"
	d.later.what = "seen later in the store"
	d.replaced.what = "replaced in the store by another device with the same token"
	d.onlyThere.what = "only in the store"
	return []*group{&d.missing, &d.other, &d.later, &d.replaced, &d.onlyThere}
}

func (d *difference) wrong(live bool) int64 {
	wrong := d.missing.count + d.other.count
	if !live {
		wrong += d.later.count + d.replaced.count + d.onlyThere.count
	}
	return wrong
}

// maxSample is how many devices of a group are named.
const maxSample = 10

// group is a kind of difference, with some of its devices.
type group struct {
	what  string
	count int64
	ids   []string
}

func (g *group) add(pushID string) {
	g.count++
	if len(g.ids) < maxSample {
		g.ids = append(g.ids, pushID)
	}
}

func (g *group) sample() string {
	out := strings.Join(g.ids, ", ")
	if g.count > maxSample {
		out += ", ..."
	}
	return out
}
