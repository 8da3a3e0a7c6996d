// Kubernetes' own device selectors (k8s.io/dynamic-resource-allocation/cel, over cel-go).
//
// Compiling is what the scheduler does with an expression it has not seen: the environment is there, costs are not
// estimated. Evaluating is DeviceMatches, with its conversion of the device. What counts is processor time of the whole
// program, so that collecting the garbage belongs to it; the best of some rounds.
package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"syscall"
	"time"

	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/dynamic-resource-allocation/cel"
)

const (
	selectorRounds = 9
	selectorRound  = 40 * time.Millisecond
)

type selector struct {
	ID, Expr string
	Device   struct {
		Driver string
		resourceapi.Device
	}
	Want struct{ Match bool }
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	fail(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func bestRound(once func()) time.Duration {
	best := time.Duration(math.MaxInt64)
	for round, n := 0, 1; round < selectorRounds; {
		begin := processorTime()
		for range n {
			once()
		}
		took := processorTime() - begin
		if took < selectorRound {
			n *= 2
			continue
		}
		best, round = min(best, took/time.Duration(n)), round+1
	}
	return best
}

func timeSelectors(path string) {
	compiler := cel.GetCompiler(cel.Features{EnableConsumableCapacity: true, EnableListTypeAttributes: true})
	file, err := os.Open(path)
	fail(err)
	defer file.Close()
	each(file, false, func(line []byte) {
		s := decode[selector](line)
		compile := func() cel.CompilationResult {
			return compiler.CompileCELExpression(s.Expr, cel.Options{DisableCostEstimation: true})
		}
		compiled := compile()
		device := cel.Device{Driver: s.Device.Driver, AllowMultipleAllocations: s.Device.AllowMultipleAllocations,
			Attributes: s.Device.Attributes, Capacity: s.Device.Capacity}
		evaluate := func() {
			match, _, err := compiled.DeviceMatches(context.Background(), device)
			fail(err)
			if match != s.Want.Match {
				fail(fmt.Errorf("%s: %v", s.ID, match))
			}
		}
		fmt.Printf("%s\t%d\t%d\n", s.ID, bestRound(func() { compile() }).Nanoseconds(), bestRound(evaluate).Nanoseconds())
	})
}
