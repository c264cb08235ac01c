package dev.atelier.network.libtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class NativeCallsTest {

  @TempDir Path directory;
  private EndlessCall endless;

  @BeforeEach
  void load() throws IOException {
    endless = new EndlessCall(directory);
  }

  @AfterEach
  void close() {
    endless.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void shouldMeetACallUntilItReturnsAndRememberTheSlowest(boolean withOptions) throws Exception {
    Runnable call = withOptions ? endless::callWithOptions : endless::call;
    for (int checks : List.of(3, 1, 2)) {
      endless.hang();
      Thread thread = new Thread(call);
      thread.start();
      NativeCalls.Call met = awaitOne(thread);
      assertThat(met.method()).isEqualTo("forward");
      assertThat(met.checks()).isEqualTo(1);
      if (checks == 3) {
        assertThat(met.slowest()).isEmpty();
      } else {
        assertThat(met.slowest()).hasValue(3);
      }
      for (int i = 1; i < checks; i++) {
        assertThat(of(thread)).contains(met);
      }
      assertThat(met.checks()).isEqualTo(checks);
      endless.release();
      thread.join();
      assertThat(of(thread)).isEmpty();
    }
  }

  @Test
  void shouldNotCompareCallsOfDifferentSize() throws Exception {
    Path file = TorchScriptFile.write(directory.resolve("m.pt"), "  return x\n");
    Pace pace = new Pace();
    NativeCalls.begin(pace, "forward", 10).end();
    assertThat(pace.slowest(new Pace.Kind("forward", 10))).hasValue(0);
    assertThat(pace.slowest(new Pace.Kind("forward", 20))).isEmpty();
    assertThat(pace.slowest(new Pace.Kind("step", 10))).isEmpty();
    try (TorchModule module = Libtorch.load(file, "cpu", TorchModule.Mode.INFERENCE)) {
      module.forward(HostTensor.zeros(HostTensor.DType.F32, 10));
      assertThat(of(Thread.currentThread())).isEmpty();
    }
  }

  @Test
  void shouldForgetACallThatFails() throws Exception {
    Path file =
        TorchScriptFile.write(
            directory.resolve("m.pt"), "  ops.prim.RaiseException(\"no\")\n  return x\n");
    try (TorchModule module = Libtorch.load(file, "cpu", TorchModule.Mode.INFERENCE)) {
      assertThatThrownBy(() -> module.forward(HostTensor.zeros(HostTensor.DType.F32, 1)))
          .isInstanceOf(TorchException.class);
    }
    assertThat(of(Thread.currentThread())).isEmpty();
  }

  private static NativeCalls.Call awaitOne(Thread thread) throws InterruptedException {
    Optional<NativeCalls.Call> met = of(thread);
    while (met.isEmpty()) {
      Thread.sleep(1);
      met = of(thread);
    }
    return met.get();
  }

  private static Optional<NativeCalls.Call> of(Thread thread) {
    return NativeCalls.check().stream().filter(c -> c.thread().equals(thread)).findFirst();
  }
}
