package cli

import "testing"

func TestThrift(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	tests := []struct {
		name  string
		looks []memory
		want  []bool
	}{
		{"nothing-happens", []memory{{mb / 2, 0, 10}, {mb, 0, 10}, {mb, 0, 10}}, []bool{false, false, false}},
		{"busy", []memory{{10 * mb, 4 * mb, 10}, {20 * mb, 4 * mb, 10}}, []bool{false, false}},
		{"busy-then-calm", []memory{{10 * mb, 4 * mb, 10}, {10 * mb, 4 * mb, 10}, {10 * mb, 4 * mb, 10}}, []bool{false, true, false}},
		{"a-large-heap-waits", []memory{{10 * mb, 100 * mb, 10}, {10 * mb, 100 * mb, 10}, {13 * mb, 100 * mb, 10}, {13 * mb, 100 * mb, 10}}, []bool{false, false, false, true}},
		{"many-leave", []memory{{mb / 2, 0, 1000}, {mb / 2, 0, 900}, {mb / 2, 0, 700}, {mb / 2, 0, 600}}, []bool{false, false, true, false}},
		{"many-come", []memory{{mb / 2, 0, 100}, {mb / 2, 0, 1000}}, []bool{false, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var th thrift
			for i, u := range tt.looks {
				if got := th.due(u); got != tt.want[i] {
					t.Errorf("look %d: due = %v, want %v", i+1, got, tt.want[i])
				}
			}
		})
	}
}
