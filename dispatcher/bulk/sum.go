package bulk

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"

	"github.com/offlinepush/operator/dispatcher/wire"
)

// Sum counts devices and adds up their digests. It depends on the devices and
// not on their order, and sums of parts add up to the sum of the whole.
type Sum struct {
	count int64
	words [4]uint64 // the most significant first
}

// Add counts one device.
func (s *Sum) Add(r wire.DeviceRecord) {
	s.count++
	digest := Digest(r)
	s.addDigest(digest[:])
}

func (s *Sum) addDigest(digest []byte) {
	var carry uint64
	for i, word := range slices.Backward(s.words[:]) {
		s.words[i], carry = bits.Add64(word, binary.BigEndian.Uint64(digest[8*i:]), carry)
	}
}

// Merge adds the total of other devices.
func (s *Sum) Merge(t wire.BindingsTotal) error {
	digest, err := hex.DecodeString(t.Checksum)
	if err != nil || len(digest) != sha256.Size || t.Count < 0 {
		return fmt.Errorf("a total must have a count from 0 and a checksum of %d hex digits", 2*sha256.Size)
	}
	s.count += t.Count
	s.addDigest(digest)
	return nil
}

// Total is the sum so far.
func (s *Sum) Total() wire.BindingsTotal {
	var b []byte
	for _, word := range s.words {
		b = binary.BigEndian.AppendUint64(b, word)
	}
	return wire.BindingsTotal{Count: s.count, Checksum: hex.EncodeToString(b)}
}

// Digest is the SHA-256 of a device's canonical form: pushID, deviceSecretHash,
// vendor, appType, region, environment, platform, userID, registeredAt and
// seenAt in Unix milliseconds, then kind and token of each kind in order. Each
// is preceded by its length in bytes and a colon and followed by a comma.
func Digest(r wire.DeviceRecord) [sha256.Size]byte {
	form := netstrings(nil, r.PushID, r.DeviceSecretHash, r.Vendor, strconv.Itoa(int(r.AppType)), r.Region, r.Environment,
		r.Platform, r.UserID, strconv.FormatInt(r.RegisteredAt.UnixMilli(), 10), strconv.FormatInt(r.SeenAt.UnixMilli(), 10))
	for _, kind := range slices.Sorted(maps.Keys(r.Tokens)) {
		form = netstrings(form, kind, r.Tokens[kind])
	}
	return sha256.Sum256(form)
}

func netstrings(to []byte, texts ...string) []byte {
	for _, text := range texts {
		to = strconv.AppendInt(to, int64(len(text)), 10)
		to = append(to, ':')
		to = append(to, text...)
		to = append(to, ',')
	}
	return to
}
