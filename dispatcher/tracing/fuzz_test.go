package tracing

import (
	"strings"
	"testing"
)

// FuzzTraceparent: a caller's span is taken as it stands in the header, and only if the caller samples it.
func FuzzTraceparent(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Add("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more")
	f.Add("00-00000000000000000000000000000000-0000000000000000-01")
	f.Fuzz(func(t *testing.T, header string) {
		sc := parentOf(header)
		if !sc.IsValid() {
			return
		}
		if !sc.IsSampled() || !strings.Contains(header, sc.TraceID().String()+"-"+sc.SpanID().String()+"-") || sc.TraceState().Len() > 0 {
			t.Errorf("%q became %+v", header, sc)
		}
		if child := newIDs(sc); child.TraceID() != sc.TraceID() || child.SpanID() == sc.SpanID() {
			t.Errorf("%q has the child %+v", header, child)
		}
	})
}
