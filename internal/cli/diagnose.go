package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lyncpin/probe"
)

func (a *app) diagnoseCommand() *cobra.Command {
	opts := newReportOptions()
	cmd := &cobra.Command{
		Use:   "diagnose FILE ...",
		Short: "Judge records that probe has saved",
		Long: `Diagnose judges records that "lyncpin probe --save" has written, with the rules of this version. Several records of
the same deployment, one from inside and one from outside for instance, become one diagnosis. Of two records from the
same place the later one counts.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("%s needs a file that probe --save has written", nameOf(cmd))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var records []*probe.Record
			for _, name := range args {
				rec, err := a.readRecord(name)
				if err != nil {
					return err
				}
				records = append(records, rec)
			}
			rec, err := probe.Merge(records...)
			if err != nil {
				return ours(err)
			}
			return a.judge(rec, opts)
		},
	}
	opts.flags(cmd)
	return cmd
}

// readRecord reads a record; "-" is standard input.
func (a *app) readRecord(name string) (*probe.Record, error) {
	data, err := a.readInput(name)
	if err != nil {
		return nil, err
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, jsonError(name, data, err)
	}
	if head.Schema != probe.RecordSchema {
		err := fmt.Errorf("%s is no record: its schema is %q, and this version reads %q", name, head.Schema, probe.RecordSchema)
		return nil, hint(err, "lyncpin probe --save FILE writes records")
	}
	rec := &probe.Record{}
	if err := json.Unmarshal(data, rec); err != nil {
		return nil, jsonError(name, data, err)
	}
	if err := checkRecord(rec); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rec, nil
}

// readInput reads a file, or standard input for "-".
func (a *app) readInput(name string) ([]byte, error) {
	if name != "-" {
		return readFile(name)
	}
	data, err := io.ReadAll(io.LimitReader(a.env.Stdin, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("standard input is larger than %d MiB", maxFile>>20)
	}
	return data, nil
}

// checkRecord refuses records that no probe writes and that rules would stumble over.
func checkRecord(rec *probe.Record) error {
	if len(rec.Target.SIPDomains) == 0 {
		return errors.New("the record names no SIP domain")
	}
	if len(rec.Sections) == 0 {
		return errors.New("the record holds no observations")
	}
	for i, s := range rec.Sections {
		if s == nil {
			return fmt.Errorf("section %d of the record is empty", i+1)
		}
		if err := knownPlace(s.Vantage); err != nil {
			return fmt.Errorf("section %d of the record: %w", i+1, err)
		}
		if s.Incomplete == "" && len(s.Lookups)+len(s.Dials)+len(s.Handshakes)+len(s.Exchanges) == 0 {
			return fmt.Errorf("section %d of the record holds no observations", i+1)
		}
	}
	return nil
}

// jsonError says where the JSON is damaged.
func jsonError(name string, data []byte, err error) error {
	offset := int64(-1)
	if se, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = se.Offset
	} else if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = te.Offset
		err = fmt.Errorf("%s in field %q does not belong there", te.Value, te.Field)
	}
	if offset < 0 || offset > int64(len(data)) {
		return fmt.Errorf("%s is no record: %w", name, err)
	}
	before := data[:offset]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Errorf("%s:%d:%d: not the JSON of a record: %w", name, line, max(column, 1), err)
}
