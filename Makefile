# coopnets: `make` builds ./coopnets, `make test` runs every test, `make help` tells the rest.
#
# Every .cpp under src/ is found by wildcard; headers are tracked by the compiler (-MMD). One folder of objects a variant:
# build/float (the program), build/double (the tests that check gradients), build/*-sanitize.

CXX      ?= g++
BUILD    ?= build
NATIVE   ?= 1
SANITIZE ?= 0
WERROR   ?= 0

FLAGS := -std=c++17 -O3 -g -Wall -Wextra -Isrc -Itests -MMD -MP -fopenmp
ifeq ($(NATIVE),1)
  FLAGS += -march=native
endif
ifeq ($(WERROR),1)
  FLAGS += -Werror
endif
ifeq ($(SANITIZE),1)
  FLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
  VARIANT := -sanitize
endif
FLAGS += $(CXXFLAGS)

CORE   := $(filter-out src/app/main.cpp,$(wildcard src/*/*.cpp))
TESTS  := $(wildcard tests/*.cpp) $(wildcard tests/numerics/*.cpp) tests/backends/cpu.cpp
# The tests of tests/numerics hold for either scalar and run on every backend.
DOUBLE_CORE  := $(wildcard src/tensor/*.cpp src/cpu/*.cpp src/autodiff/*.cpp src/nets/*.cpp src/learning/*.cpp)
DOUBLE_TESTS := $(wildcard tests/numerics/*.cpp) tests/backends/cpu.cpp

F := $(BUILD)/float$(VARIANT)
D := $(BUILD)/double$(VARIANT)
objects = $(patsubst %.cpp,$(1)/%.o,$(2))

all: coopnets
coopnets: $(call objects,$(F),$(CORE) src/app/main.cpp)
	$(CXX) $(FLAGS) $^ -o $@ $(LDLIBS)
$(F)/tests: $(call objects,$(F),$(CORE) $(TESTS))
	$(CXX) $(FLAGS) $^ -o $@ -lgtest -lgtest_main -lpthread $(LDLIBS)
$(D)/tests: $(call objects,$(D),$(DOUBLE_CORE) $(DOUBLE_TESTS))
	$(CXX) $(FLAGS) $^ -o $@ -lgtest -lgtest_main -lpthread $(LDLIBS)

$(F)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) -c $< -o $@
$(D)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) -DCOOPNETS_DOUBLE -c $< -o $@

# stb shifts negative numbers left, which C++20 defines and the sanitizer for C++17 refuses.
%/src/data/stb.o: FLAGS += -fno-sanitize=shift-base

test: coopnets $(F)/tests $(D)/tests
	$(D)/tests
	$(F)/tests

clean:
	rm -rf build coopnets

.PHONY: all test clean
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
