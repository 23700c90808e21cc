package plugin

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// What is kept of an export that was cut off reads as a begin of it.
func FuzzReadExport(f *testing.F) {
	line := bulk.Encode(moved("p", 1))
	var sum bulk.Sum
	sum.Add(moved("p", 1))
	f.Add(append(line, bulk.Encode(sum.Total())...))
	f.Add(append(bytes.Clone(line), line[:30]...))
	f.Add([]byte("\n\n{}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		n := 0
		got, err := readExport(bytes.NewReader(content), func(int, wire.DeviceRecord) error {
			n++
			return nil
		})
		if err != nil {
			return
		}
		if got.end < 0 || got.end > int64(len(content)) || got.sum.Total().Count != int64(n) {
			t.Fatalf("%d devices, kept up to %d of %d: %+v", n, got.end, len(content), got)
		}
		kept, err := readExport(bytes.NewReader(content[:got.end]), nil)
		if err != nil || kept.sum.Total() != got.sum.Total() || kept.complete != got.complete || kept.end != got.end {
			t.Fatalf("%q: kept %+v, %v, want %+v", content, kept, err, got)
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("userID,vendor,token,appType\nbob,FCM,t,1\n\"a\nb\",Xiaomi,\"\"\"\",x\n"))
	f.Add([]byte("\xef\xbb\xbfuserID;vendor;token\n"))
	f.Add([]byte("userID,vendor,token\nb\xf6b,FCM,t\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		rows, err := newCSVRows(bytes.NewReader(content))
		if err != nil {
			return
		}
		last := 1
		for {
			row, err := rows.next()
			if err != nil {
				return
			}
			if !json.Valid(row.line) || bytes.ContainsAny(row.line, "\r\n") || row.number <= last {
				t.Fatalf("line %d behind %d: %q", row.number, last, row.line)
			}
			last = row.number
		}
	})
}
