## make                 builds ./coopnets; fetches what is missing by tools/setup (Debian packages)
## make test            builds and runs every test; TEST_FILTER='Conv.*' runs some, SANITIZE=1 under ASan and UBSan
## make test-cuda       runs the numerical tests on this machine's GPU
## make fuzz            feeds damaged files to every reader for FUZZ_SECONDS=20 each, under ASan and UBSan; FUZZ_SEED=1,
##                      FUZZ_TARGETS="pictures clips" chooses; by libFuzzer where CXX is clang
## make bench           times ./coopnets, and PyTorch beside it where python3 has torch; NETS="digits scene" chooses
## make bench-cuda      the same on the GPU, against the best of PyTorch's modes, in PRECISIONS="fp32 tf32 bf16"
## make install         copies program, library, headers, textures, manual page and completion of bash and zsh, as built,
##                      to PREFIX=/usr/local, below DESTDIR
## make clean           removes ./coopnets and BUILD=build
## make help            prints this
##
## CXX=g++              compiler of everything but the kernels of cuda/, and nvcc's host compiler
## NATIVE=0             for any processor of this kind instead of this very one (no -march=native); on x86-64 the kernels
##                      for AVX2 and AVX-512 are built too, and the program takes those that its processor has
## CUDA=0 | CUDA=1      without or with the GPU; by default with it where nvcc is found
## MPI=1                several machines learn together (mpirun -n 4 ./coopnets ...); installs Open MPI where mpicc is missing
## CUDA_ARCH="75 90"    GPU architectures; by default one a generation that nvcc knows. their PTX is embedded
## WERROR=1             warnings are errors
## CXXFLAGS=...         further flags, such as -g for a debugger
## V=1                  prints the commands; -jN makes N jobs at a time, by default one a processor
#
# Every source is found by wildcard; headers are tracked by the compiler (-MMD). One folder of objects a variant:
# build/float (the program), build/double (the tests that check gradients), build/emulator (the kernels of cuda/ built
# by the C++ compiler), build/cuda (by nvcc), build/*-sanitize, build/fuzz (the readers of files, under the sanitizers).

BUILD    ?= build
PREFIX   ?= /usr/local
VERSION   = $(shell sed -n 's/.*program_version.*"coopnets \(.*\)".*/\1/p' src/app/picture_texts.h)
PRECISIONS ?= fp32 tf32 bf16
NATIVE   ?= 1
SANITIZE ?= 0
MPI      ?= 0
WERROR   ?= 0
V        ?= 0
NVCC     ?= $(firstword $(shell command -v nvcc 2>/dev/null) $(wildcard /usr/local/cuda/bin/nvcc))

ifeq ($(origin CXX),default)
  CXX := g++
endif
MAKEFLAGS += --no-builtin-rules -j$(shell nproc)

# ---------------------------------------------------------------------------------------------------------- flags

# Without errno and trapping a loop with a square root or a comparison vectorises; results stay IEEE, NaN included.
FLAGS := -std=c++17 -O3 -fno-math-errno -fno-trapping-math -Wall -Wextra -Isrc -Itests -I. -MMD -MP -pthread -fopenmp-simd
ifeq ($(NATIVE),1)
  FLAGS += -march=native
endif
ifeq ($(WERROR),1)
  FLAGS += -Werror
endif
ifneq ($(findstring clang,$(CXX)),)
  FLAGS += -Wno-pass-failed  # says which loops marked as vectorisable it leaves as they are
endif
SANITIZERS := -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ifeq ($(findstring clang,$(CXX)),)
  SANITIZERS += -Wno-maybe-uninitialized  # for which GCC 12 takes its own <regex> under the sanitizers
endif
ifeq ($(SANITIZE),1)
  FLAGS += $(SANITIZERS)
  VARIANT := -sanitize
endif
FLAGS += $(CXXFLAGS)

# What src/cpu/choose.cpp chooses from beside the code for all; it asks the processor for just these.
LEVEL_avx2   := -mavx2 -mfma
LEVEL_avx512 := $(LEVEL_avx2) -mavx512f -mavx512bw -mavx512dq -mavx512vl
ifeq ($(NATIVE) $(firstword $(subst -, ,$(shell $(CXX) -dumpmachine))),0 x86_64)
  LEVELS := avx2 avx512
  FLAGS  += -DCOOPNETS_CPU_LEVELS
endif

# -------------------------------------------------------------------------------------------------------- sources

# levels/NAME.cpp stands for src/cpu, built and joined for that level.
CORE   := $(filter-out src/app/main.cpp,$(wildcard src/*/*.cpp)) $(LEVELS:%=levels/%.cpp)
TESTS  := $(wildcard tests/*.cpp) $(wildcard tests/numerics/*.cpp) tests/backends/cpu.cpp
# The tests of tests/numerics hold for either scalar and run on every backend.
NUMERIC_CORE := $(wildcard src/tensor/*.cpp src/cpu/*.cpp src/autodiff/*.cpp src/nets/*.cpp src/learning/*.cpp) \
                $(LEVELS:%=levels/%.cpp)
NUMERICS     := $(wildcard tests/numerics/*.cpp)
KERNELS      := $(wildcard cuda/*.cu)
# What tests the CUDA backend alone, emulated or on a GPU.
CUDA_BACKEND := $(wildcard tests/backends/cuda.cpp) $(wildcard tests/cuda/*.cpp) $(wildcard tests/cuda/*.cu)

# What reads files, which make fuzz watches; the rest of its program is that of build/float.
UNWATCHED := $(addprefix src/data/,$(addsuffix .cpp,animation dataset densities order prefetch source threads))
READERS   := $(filter-out $(UNWATCHED),$(wildcard src/data/*.cpp)) $(addprefix src/,$(addsuffix .cpp, \
               app/npy app/options app/statistics experiments/settings experiments/text metrics/inception tensor/file \
               tensor/safetensors tensor/safetensors_header tensor/utf8))
FUZZ_TARGETS ?= $(patsubst tests/fuzz/fuzz_%.cpp,%,$(wildcard tests/fuzz/fuzz_*.cpp))
FUZZ_SECONDS ?= 20
FUZZ_SEED    ?= 1
FUZZ_SOURCES := $(READERS) $(wildcard tests/fuzz/*.cpp)
FUZZ_FLAGS    = $(SANITIZERS) $(FLAGS) -O1 -g1
ifneq ($(findstring clang,$(CXX)),)
  FUZZ_SOURCES := $(filter-out tests/fuzz/driver.cpp tests/fuzz/mutations.cpp,$(FUZZ_SOURCES))
  SANITIZERS   += -fsanitize=fuzzer-no-link
  FUZZ_LINK    := -fsanitize=fuzzer
endif

F := $(BUILD)/float$(VARIANT)
D := $(BUILD)/double$(VARIANT)
E := $(BUILD)/emulator$(VARIANT)
C := $(BUILD)/cuda
U := $(BUILD)/fuzz
objects = $(addprefix $(1)/,$(addsuffix .o,$(basename $(2))))

PROGRAM_OBJECTS  := $(call objects,$(F),$(CORE) src/app/main.cpp)
FLOAT_OBJECTS    := $(call objects,$(F),$(CORE) $(TESTS))
DOUBLE_OBJECTS   := $(call objects,$(D),$(NUMERIC_CORE) $(NUMERICS) tests/backends/cpu.cpp)
EMULATOR_OBJECTS := $(call objects,$(F),$(CORE) $(NUMERICS)) \
                    $(call objects,$(E),$(KERNELS) $(CUDA_BACKEND) $(wildcard tests/cuda_emulator/*.cpp))
DEVICE_OBJECTS   := $(call objects,$(F),$(CORE) $(NUMERICS)) $(call objects,$(C),$(KERNELS) $(CUDA_BACKEND))

TEST_BINARIES := $(D)/run_tests $(if $(and $(KERNELS),$(CUDA_BACKEND)),$(E)/run_tests) $(F)/run_tests

# ----------------------------------------------------------------------------------------------------------- CUDA

# The sanitizers do not mix with the CUDA driver; there the emulator stands for the GPU.
ifeq ($(SANITIZE),1)
  override CUDA := 0
endif
CUDA ?= $(if $(and $(NVCC),$(KERNELS)),1,0)
ifeq ($(CUDA),1)
  ifeq ($(NVCC),)
    $(error CUDA=1, but nvcc is neither in PATH nor in /usr/local/cuda/bin: install the CUDA toolkit or set NVCC=)
  endif
  # Code for a chip runs on the later ones of its generation (its tens), so the first of each is enough. Jetson's chips,
  # which only an ARM machine has, are outside that promise and named one by one.
  CUDA_ARCH ?= $(shell $(NVCC) --list-gpu-arch | sed 's/compute_//' | sort -n | awk -v machine=$$(uname -m) \
    '$$1 < 53 {next} /^(53|62|72|87|101|110)$$/ {if (machine == "aarch64") print; next} !seen[int($$1 / 10)]++')
  ifeq ($(strip $(CUDA_ARCH)),)
    $(error $(NVCC) lists no architecture of compute capability 5.3 or later: set CUDA_ARCH)
  endif
  CUDA_ARCH := $(CUDA_ARCH)
  # nvcc may be a script that calls another, so it is asked where its toolkit lies.
  CUDA_HOME := $(realpath $(shell $(NVCC) --dryrun x.cu 2>&1 | sed -n 's/^.. TOP=//p'))
  NVCCFLAGS := -std=c++17 -O3 -lineinfo -ccbin $(CXX) -Isrc -Itests -I. -MMD -MP -Xcompiler=-Wall,-Wextra \
               $(foreach a,$(CUDA_ARCH),-gencode=arch=compute_$(a),code=[sm_$(a),compute_$(a)])
  ifeq ($(WERROR),1)
    NVCCFLAGS += -Werror=all-warnings
  endif
  CUDA_OBJECTS := $(call objects,$(C),$(KERNELS))
  CUDA_LIBS     = $(addprefix -L,$(wildcard $(CUDA_HOME)/targets/$(firstword $(subst -, ,$(shell $(CXX) -dumpmachine)))-linux/lib \
                  $(CUDA_HOME)/lib64)) -lcudart_static -ldl -lrt -lpthread
  CUDA_DEFINE  := -DCOOPNETS_CUDA
  CUDA_FOUND    = $(NVCC), for $(addprefix sm_,$(CUDA_ARCH)), and their PTX
else
  CUDA_FOUND    = CPU only ($(if $(filter command environment override,$(origin CUDA)),CUDA=0,$(if $(NVCC),cuda/ is empty,no nvcc)))
endif

# ------------------------------------------------------------------------------------------------------------ MPI

# Asked of mpicc when it is needed, as it may have to be installed first: "gcc -I... -L... -lmpi", of Open MPI and MPICH.
ifeq ($(MPI),1)
  MPI_WORDS   = $(wordlist 2,99,$(shell mpicc -show 2>/dev/null))
  MPI_DEFINE  = -DCOOPNETS_MPI $(patsubst -I%,-isystem %,$(filter -I%,$(MPI_WORDS)))
  MPI_LIBS    = $(filter-out -I%,$(MPI_WORDS))
endif

# ---------------------------------------------------------------------------------------------------------- rules

Q   := $(if $(filter 1,$(V)),,@)
say = @printf '  %-6s %s\n' '$(1)' '$(2)'
# Writes $@ only where its text is new, so that what depends on it is rebuilt when the text changes and not otherwise.
quoted   = '$(subst ','\'',$(1))'
remember = @mkdir -p $(@D); printf '%s\n' $(call quoted,$(1)) | cmp -s - $@ || printf '%s\n' $(call quoted,$(1)) > $@

.DEFAULT_GOAL := all
ifneq ($(SANITIZE),1)
all: coopnets $(F)/libcoopnets.a
else
all: $(F)/coopnets
endif

coopnets: $(F)/coopnets FORCE
	@cmp -s $< $@ || cp -f $< $@

$(F)/coopnets: $(PROGRAM_OBJECTS) $(CUDA_OBJECTS) $(F)/link
	$(call say,LINK,$@)
	$(Q)$(CXX) $(FLAGS) $(PROGRAM_OBJECTS) $(CUDA_OBJECTS) -o $@ $(CUDA_LIBS) $(MPI_LIBS) $(LDLIBS)
# What the program is made of but its main().
$(F)/libcoopnets.a: $(call objects,$(F),$(CORE)) $(CUDA_OBJECTS) $(F)/link
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) qcs $@ $(filter %.o,$^) && printf '%s\n' '$(strip $(CUDA_LIBS) $(MPI_LIBS) -pthread)' > $(F)/libs
$(F)/bench_conv: $(call objects,$(F),$(CORE) tools/bench_conv.cpp) $(CUDA_OBJECTS) $(F)/link
	$(call say,LINK,$@)
	$(Q)$(CXX) $(FLAGS) $(filter %.o,$^) -o $@ $(CUDA_LIBS) $(MPI_LIBS) $(LDLIBS)
$(F)/run_tests: $(FLOAT_OBJECTS) $(CUDA_OBJECTS) $(F)/link
	$(call say,LINK,$@)
	$(Q)$(CXX) $(FLAGS) $(FLOAT_OBJECTS) $(CUDA_OBJECTS) -o $@ $(CUDA_LIBS) -lgtest -lgtest_main -lpthread $(MPI_LIBS) $(LDLIBS)
$(D)/run_tests: $(DOUBLE_OBJECTS) $(D)/link
	$(call say,LINK,$@)
	$(Q)$(CXX) $(FLAGS) $(DOUBLE_OBJECTS) -o $@ -lgtest -lgtest_main -lpthread $(LDLIBS)
$(E)/run_tests: $(EMULATOR_OBJECTS) $(E)/link
	$(call say,LINK,$@)
	$(Q)$(CXX) $(FLAGS) $(EMULATOR_OBJECTS) -o $@ -lgtest -lgtest_main -lpthread $(MPI_LIBS) $(LDLIBS)
$(U)/fuzz: $(call objects,$(U),$(FUZZ_SOURCES)) $(F)/libcoopnets.a
	$(call say,LINK,$@)
	$(Q)$(CXX) $(SANITIZERS) $(FLAGS) $(FUZZ_LINK) $^ -o $@ $(CUDA_LIBS) -lgtest -lpthread $(MPI_LIBS) $(LDLIBS)
$(C)/run_tests: $(DEVICE_OBJECTS) $(C)/link
	$(call say,LINK,$@)
	$(Q)$(CXX) $(FLAGS) $(DEVICE_OBJECTS) -o $@ $(CUDA_LIBS) -lgtest -lgtest_main -lpthread $(MPI_LIBS) $(LDLIBS)

COMPILE = $(Q)mkdir -p $(@D) && $(CXX) $(FLAGS)
$(F)/src/app/%.o: src/app/%.cpp $(F)/flags $(F)/cuda | found
	$(call say,C++,$<)
	$(COMPILE) $(CUDA_DEFINE) $(MPI_DEFINE) -c $< -o $@
$(F)/tools/%.o: tools/%.cpp $(F)/flags $(F)/cuda | found
	$(call say,C++,$<)
	$(COMPILE) $(CUDA_DEFINE) $(MPI_DEFINE) -c $< -o $@
$(F)/%.o: %.cpp $(F)/flags | found
	$(call say,C++,$<)
	$(COMPILE) -c $< -o $@
$(D)/%.o: %.cpp $(D)/flags | found
	$(call say,C++,$< (double))
	$(COMPILE) -DCOOPNETS_DOUBLE -c $< -o $@
define level_rules  # $(1): $(F) or $(D); $(2): the level
$(1)/levels/$(2)/%.o: %.cpp $(1)/flags | found
	$$(call say,C++,$$< ($(2)))
	$$(COMPILE) $$(LEVEL_$(2)) -fno-lto -DCOOPNETS_CPU_LEVEL=coopnets_cpu_$(2) $(if $(filter $(D),$(1)),-DCOOPNETS_DOUBLE) \
	  -c $$< -o $$@
$(1)/levels/$(2).o: $(call objects,$(1)/levels/$(2),$(filter-out %/choose.cpp,$(wildcard src/cpu/*.cpp))) \
                    tools/join_objects
	$$(call say,JOIN,$$@)
	$$(Q)CXX='$$(CXX)' tools/join_objects $$@ coopnets_cpu_$(2) $$(filter %.o,$$^)
endef
$(foreach folder,$(F) $(D),$(foreach level,$(LEVELS),$(eval $(call level_rules,$(folder),$(level)))))
# tests/cuda_emulator/cuda_runtime.h and its like come before the toolkit's.
$(E)/%.o: %.cpp $(E)/flags | found
	$(call say,C++,$< (emulator))
	$(COMPILE) -Itests/cuda_emulator -c $< -o $@
$(E)/%.o: %.cu $(E)/flags | found
	$(call say,C++,$< (emulator))
	$(COMPILE) -Itests/cuda_emulator -Wno-unknown-pragmas -x c++ -c $< -o $@
$(U)/%.o: %.cpp $(U)/flags | found
	$(call say,C++,$< (fuzz))
	$(Q)mkdir -p $(@D) && $(CXX) $(FUZZ_FLAGS) -c $< -o $@
$(C)/%.o: %.cpp $(C)/flags | found
	$(call say,C++,$< (cuda))
	$(COMPILE) -c $< -o $@
$(C)/%.o: %.cu $(C)/flags | found
	$(call say,NVCC,$<)
	$(Q)mkdir -p $(@D) && $(NVCC) $(NVCCFLAGS) -c $< -o $@

$(F)/flags $(D)/flags $(E)/flags: FORCE
	$(call remember,$(CXX) $(FLAGS))
$(U)/flags: FORCE
	$(call remember,$(CXX) $(FUZZ_FLAGS))
$(C)/flags: FORCE
	$(call remember,$(CXX) $(FLAGS) $(NVCC) $(NVCCFLAGS))
$(F)/cuda: FORCE | found
	$(call remember,$(CUDA_DEFINE) $(MPI_DEFINE))
$(F)/link: FORCE | found
	$(call remember,$(PROGRAM_OBJECTS) $(FLOAT_OBJECTS) $(CUDA_OBJECTS) $(MPI_LIBS) $(LDLIBS))
$(D)/link: FORCE
	$(call remember,$(DOUBLE_OBJECTS) $(LDLIBS))
$(E)/link: FORCE
	$(call remember,$(EMULATOR_OBJECTS) $(LDLIBS))
$(C)/link: FORCE
	$(call remember,$(DEVICE_OBJECTS) $(LDLIBS))

# Tests spend their time in the code that they test: they are compiled in half the time without its optimisation.
$(F)/tests/%.o $(D)/tests/%.o $(E)/tests/cuda/%.o: FLAGS += -O1
# Nothing hostile is read by the fuzzer itself.
$(U)/tests/%.o: FUZZ_FLAGS = $(FLAGS) -O0

# stb shifts negative numbers left, which C++20 defines and the sanitizer for C++17 refuses; behind the end of a JPEG's
# data it shifts zeros, whatever the count; the sums of a corrupt one overflow.
%/src/data/stb.o: FLAGS += -fwrapv -fno-sanitize=shift

# What this machine has, once a make, after what is missing has been fetched.
HAS := $(BUILD)/has$(if $(filter 1,$(MPI)),-mpi)
found: $(HAS)-build
	@printf '  %-9s %s\n' compiler '$(shell $(CXX) --version 2>/dev/null | head -n 1)$(if $(filter 1,$(NATIVE)),$(strip , for this processor))$(if $(LEVELS),$(strip , for any processor, AVX2 and AVX-512 chosen as it runs))' \
	  CUDA '$(CUDA_FOUND)'
$(HAS)-build:
	@CXX='$(CXX)' MPI='$(MPI)' tools/setup build && mkdir -p $(@D) && touch $@
$(HAS)-test: $(HAS)-build
	@CXX='$(CXX)' MPI='$(MPI)' tools/setup test && touch $@
$(TEST_BINARIES) $(C)/run_tests $(U)/fuzz: | $(HAS)-test
$(call objects,$(F),$(TESTS)) $(call objects,$(D),$(NUMERICS)) $(call objects,$(C),$(CUDA_BACKEND)) \
  $(call objects,$(U),$(FUZZ_SOURCES)): | $(HAS)-test
$(call objects,$(E),$(CUDA_BACKEND) $(wildcard tests/cuda_emulator/*.cpp)): | $(HAS)-test

# --------------------------------------------------------------------------------------------------------- targets

# Each binary in so many parts, as many of them side by side as there are processors; all run even when one fails.
# COOPNETS tells the tests which program to run.
run_tests = @for binary in $(1); do for part in $(2); do printf '%s %s\n' $$binary $$part; done; done | \
  COOPNETS=$(F)/coopnets GTEST_BRIEF=1 GTEST_TOTAL_SHARDS=$(words $(2)) xargs -L 1 -P $(words $(2)) sh -c ' \
    printf "  %-6s %s, part %d of $(words $(2))\n" TEST $$1 $$(($$2 + 1)); \
    GTEST_SHARD_INDEX=$$2 $$1 $(if $(TEST_FILTER),--gtest_filter="$(TEST_FILTER)") || \
    { printf "make $@: failed: %s, part %d\n" $$1 $$(($$2 + 1)) >&2; exit 1; }' sh
test: export CUDA_VISIBLE_DEVICES :=
test-cuda: export COOPNETS_NEEDS_GPU := 1
test: all $(F)/coopnets $(TEST_BINARIES)
	$(call run_tests,$(TEST_BINARIES),$(shell seq 0 $$(($$(nproc) - 1))))
test-cuda: $(if $(filter 1,$(CUDA)),$(C)/run_tests,no-cuda)
	$(call run_tests,$(C)/run_tests,0)

# As many targets side by side as there are processors. What one fails on is left in build/fuzz.
ifeq ($(FUZZ_LINK),)
  fuzz_one = $(U)/fuzz --target=$$1 --seconds=$(FUZZ_SECONDS) --seed=$(FUZZ_SEED) --out=$(U)
else
  fuzz_one = mkdir -p $(U)/corpus/$$1 && $(U)/fuzz --target=$$1 --seeds=$(U)/corpus/$$1 -seed=$(FUZZ_SEED) -timeout=5 \
    -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=16384 -print_final_stats=1 \
    -verbosity=0 -artifact_prefix=$(U)/$$1- $(U)/corpus/$$1
endif
fuzz: $(U)/fuzz
	@printf '%s\n' $(FUZZ_TARGETS) | xargs -L 1 -P $$(nproc) sh -c '$(fuzz_one) || \
	  { printf "make fuzz: failed: %s\n" $$1 >&2; exit 1; }' sh

bench: coopnets
	@tools/bench $(addprefix --net ,$(NETS))
bench-cuda: $(if $(filter 1,$(CUDA)),coopnets $(F)/bench_conv,no-cuda)
	@status=0; for precision in $(PRECISIONS); do \
	  tools/bench --device cuda --precision $$precision $(addprefix --net ,$(NETS)) --convolutions $(F)/bench_conv; \
	  case $$? in 0) ;; 2) exit 1 ;; *) status=1 ;; esac; \
	done; exit $$status

no-cuda:
	@printf 'make: this needs the CUDA build, and what was found is: %s\n' '$(CUDA_FOUND)' >&2; exit 1

# Nothing is compiled here: it may be another user's turn.
install:
	@for built in $(F)/coopnets $(F)/libcoopnets.a; do \
	  [ -e $$built ] || { printf 'make install: there is no %s yet: make builds it\n' $$built >&2; exit 1; }; done
	install -D -m 755 $(F)/coopnets '$(DESTDIR)$(PREFIX)/bin/coopnets'
	install -D -m 644 $(F)/libcoopnets.a '$(DESTDIR)$(PREFIX)/lib/libcoopnets.a'
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/coopnets/datasets/texture' datasets/texture/*.png
	for header in src/*/*.h; do \
	  install -D -m 644 $$header "$(DESTDIR)$(PREFIX)/include/coopnets/$${header#src/}" || exit 1; done
	@if $(F)/coopnets --version > /dev/null 2>&1; then \
	  $(F)/coopnets --man | install -D -m 644 /dev/stdin '$(DESTDIR)$(PREFIX)/share/man/man1/coopnets.1' && \
	  $(F)/coopnets --completion bash | \
	    install -D -m 644 /dev/stdin '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/coopnets' && \
	  $(F)/coopnets --completion zsh | \
	    install -D -m 644 /dev/stdin '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_coopnets'; \
	else printf 'make install: the program does not run on this machine, so that it cannot write its manual page and completions\n'; fi
	mkdir -p '$(DESTDIR)$(PREFIX)/lib/pkgconfig'
	printf '%s\n' 'Name: coopnets' 'Description: cooperative training of descriptor and generator networks' \
	  'Version: $(VERSION)' 'Cflags: -I$(PREFIX)/include/coopnets' \
	  "Libs: -L$(PREFIX)/lib -lcoopnets $$(cat $(F)/libs)" > '$(DESTDIR)$(PREFIX)/lib/pkgconfig/coopnets.pc'

clean:
	rm -rf '$(BUILD)' coopnets

help:
	@sed -n 's/^##[ ]\{0,1\}//p' Makefile

FORCE:
.PHONY: all found test test-cuda fuzz bench bench-cuda no-cuda install clean help FORCE
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
