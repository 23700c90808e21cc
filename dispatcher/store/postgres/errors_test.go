package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("connection refused"), "connection refused"},
		{fmt.Errorf("timeout: %w", context.DeadlineExceeded), "the database did not answer in time: timeout: context deadline exceeded"},
		{&pgconn.PgError{Severity: "FATAL", Code: "57P03", Message: "starting up"}, "the database is starting or stopping: FATAL: starting up (SQLSTATE 57P03)"},
	} {
		got := explain(tt.err)
		if !errors.Is(got, tt.err) || got != nil && got.Error() != tt.want {
			t.Errorf("explain(%v) is %q, want %q", tt.err, got, tt.want)
		}
	}
}
