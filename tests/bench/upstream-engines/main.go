// upstream-engines runs Kubernetes' own allocator and its CEL selectors beside dralab's.
//
//	upstream-engines answer <questions.jsonl         each question with upstream's answer as "want", if it comes in time
//	upstream-engines time [-max MS] FILE...          "id<TAB>nanoseconds" per allocation: the best round
//	upstream-engines selectors FILE                  "id<TAB>nanoseconds to compile<TAB>to evaluate" per selector
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

const longest = 64 << 20 // of a line

// each calls f for every line of a file, which may be compressed.
func each(file io.Reader, compressed bool, f func(line []byte)) {
	if compressed {
		unpacked, err := gzip.NewReader(file)
		fail(err)
		file = unpacked
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		f(lines.Bytes())
	}
	fail(lines.Err())
}

func decode[T any](line []byte) *T {
	value := new(T)
	fail(json.Unmarshal(line, value))
	return value
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "upstream-engines:", err)
		os.Exit(1)
	}
}

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "answer":
		answerAll()
	case len(os.Args) > 2 && os.Args[1] == "time":
		timeAll(os.Args[2:])
	case len(os.Args) == 3 && os.Args[1] == "selectors":
		timeSelectors(os.Args[2])
	default:
		fail(errors.New("usage: upstream-engines answer | time [-max MS] FILE... | selectors FILE"))
	}
}
