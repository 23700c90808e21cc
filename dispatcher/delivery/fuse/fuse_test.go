package fuse

import "testing"

func TestBlown(t *testing.T) {
	t.Parallel()
	tests := []struct {
		valid, invalid int64
		want           bool
	}{
		{0, 0, false},
		{0, 1, false},
		{0, 2, false},
		{0, 3, true},
		{1, 18, false},
		{0, 19, true},
		{16, 4, false}, // 20 percent exactly
		{15, 5, true},
		{800, 200, false},
		{799, 201, true},
	}
	for _, tt := range tests {
		if got := Blown(tt.valid, tt.invalid); got != tt.want {
			t.Errorf("Blown(%d, %d) = %v", tt.valid, tt.invalid, got)
		}
	}
}
