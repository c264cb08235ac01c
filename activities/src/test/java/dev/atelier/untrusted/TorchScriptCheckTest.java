package dev.atelier.untrusted;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptFile;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TorchScriptCheckTest {

  @TempDir Path directory;

  @Test
  void shouldPassOurOwnNetworks() throws Exception {
    Network network =
        Network.of(
            new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.1, Optional.of(4)), 8, 3, 4);
    Map<String, HostTensor> weights = network.initialise(new SeededRandom(1));
    Path file = directory.resolve("unet.pt");
    TorchScriptArchive.write(file, network.inferenceModule("UNet", weights));
    TorchScriptCheck.check(file);
    for (NetworkForm form : NetworkForm.values()) {
      TorchScriptArchive.write(
          file, network.inferenceModule("UNet", weights, form, Precision.FP32));
      TorchScriptCheck.check(file);
    }
  }

  @Test
  void shouldPassWhatPyTorchWritesOfScriptedModules() throws Exception {
    Path file =
        archive(
            """
            class Sequential(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              _is_full_backward_hook : Optional[bool]
              __annotations__["0"] = __torch__.Conv
              def forward(self: __torch__.Sequential,
                input: Tensor) -> Tensor:
                _0 = getattr(self, "0")
                input0 = (_0).forward(input, )
                return (getattr(self, "0")).save(input0, "its own method, not an operator", )
            class Conv(Module):
              __parameters__ = ["weight", "bias", ]
              __buffers__ = []
              weight : Tensor
              bias : Optional[Tensor]
              training : bool
              stride : Final[Tuple[int, int]] = (1, 1)
              def forward(self: __torch__.Conv,
                input: Tensor) -> Tensor:
                weight = self.weight
                bias = self.bias
                _1 = (self)._conv_forward(input, weight, bias, )
                return _1
              def _conv_forward(self: __torch__.Conv,
                input: Tensor,
                weight: Tensor,
                bias: Optional[Tensor]) -> Tensor:
                _2 = torch.conv2d(input, weight, bias, [1, 1], [1, 1], [1, 1], 1)
                if torch.lt(torch.len(torch.size(_2)), 2):
                  _3, _4 = torch.div(_2, 2), 1
                else:
                  ops.prim.RaiseException("expected images", "builtins.ValueError")
                  _3, _4 = _2, 0
                for i in range(_4):
                  _3 = torch.mul(-_3 ** 2, annotate(List[int], [])[i])
                _5 = uninitialized(Tensor)
                if torch.__is__(bias, None):
                  _6 = _5
                else:
                  bias0 = unchecked_cast(Tensor, bias)
                  _6 = torch.add_(_3, bias0, alpha=1)
                return torch.to(_6, dtype=6)
              def save(self: __torch__.Conv, x: Tensor, text: str) -> Tensor:
                return __torch__.helper(x, [1, 2, 3][0:2], ) if torch.gt(x.shape[0], 1) and not False else x
            def helper(x: Tensor, sizes: List[int]) -> Tensor:
              return torch.relu(torch.view(x, [-1, int(sizes[0])]))
            """);
    TorchScriptCheck.check(file);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext-script.pt", "ext-trace.pt", "teacher-trace.pt"})
  void shouldPassWhatPyTorchWrites(String name) throws Exception {
    Path file = Path.of("src/test/resources/untrusted", name);
    TorchScriptCheck.check(file);
    try (TorchModule module = Libtorch.load(file, "cpu", TorchModule.Mode.INFERENCE)) {
      HostTensor images = HostTensor.zeros(HostTensor.DType.F32, 2, 3, 8, 8);
      HostTensor result =
          name.startsWith("teacher")
              ? module.forward(images, HostTensor.ofLongs(new long[] {0, 1}, 2))
              : module.forward(images);
      assertThat(result.shape()[0]).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "torch.save(x, '%s')",
        "x.save('%s')",
        "(x.save)('%s')",
        "ops.aten.save(x, '%s')",
        "self.w.save('%s')",
        "[torch.save(x, '%s')]",
        "getattr(self, 'w').save('%s')",
        "{'a': torch.save(x, '%s')}",
      })
  void shouldRefuseWhatWritesAFile(String call) throws Exception {
    String line = call.formatted(directory.resolve("written")).replace('\'', '"');
    Path file = module("  " + line + "\n  return x\n");
    assertThatThrownBy(() -> TorchScriptCheck.check(file))
        .isInstanceOf(RefusedCodeException.class)
        .hasMessageContaining("the operator aten::save, which is not among the operators");
  }

  @Test
  void shouldRefuseWhatWouldWriteAFileIfItWereOpened() throws Exception {
    Path written = directory.resolve("written");
    Path file = module("  torch.save(x, \"%s\")\n  return x\n".formatted(written));
    assertThatThrownBy(() -> TorchScriptCheck.check(file)).isInstanceOf(RefusedCodeException.class);

    assertThat(written).doesNotExist();
    try (TorchModule module = Libtorch.load(file, "cpu", TorchModule.Mode.INFERENCE)) {
      module.forward(HostTensor.zeros(HostTensor.DType.F32, 1)); // without the check, it does
    }
    assertThat(written).exists();
  }

  @Test
  void shouldRefuseAMethodOfAClassThatTheReceiverNeedNotHave() throws Exception {
    Path file =
        archive(
            """
            class M(Module):
              w : Tensor
              child : __torch__.C
              def forward(self, x: Tensor) -> Tensor:
                y = self.child
                y = x
                y.save("a-file")
                return x
            class C(Module):
              __parameters__ = []
              def save(self, name: str) -> int:
                return 1
            """);
    assertThatThrownBy(() -> TorchScriptCheck.check(file)).hasMessageContaining("aten::save");
  }

  @Test
  void shouldRefuseAnAttributeOfTwoTypes() throws Exception {
    Path file =
        archive(
            """
            class M(Module):
              w : Tensor
              __annotations__["w"] = __torch__.C
              def forward(self, x: Tensor) -> Tensor:
                self.w.save("a-file")
                return x
            class C(Module):
              def save(self, name: str) -> int:
                return 1
            """);
    assertThatThrownBy(() -> TorchScriptCheck.check(file)).hasMessageContaining("'w' of two types");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "f = x.save\n  f(\"a\")",
        "print(x)",
        "torch.from_file(\"/etc/passwd\", False, 10)",
        "ops.quantized.add(x, x)",
        "fork(x.save, \"a\")",
        "[x.save][0](\"a\")",
        "__torch__.torch.classes.profiling.SourceRef()",
        "import os",
        "lambda: x",
        "getattr(x, \"save\")(\"a\")",
        "len = x.save\n  len(\"a\")",
        "x.resize_([1000])",
        "open(\"a\")",
      })
  void shouldRefuseWhatIsOnNoList(String statement) throws Exception {
    Path file = module("  " + statement + "\n  return x\n");
    assertThatThrownBy(() -> TorchScriptCheck.check(file)).isInstanceOf(RefusedCodeException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"()", "[]", "- ", "not ", ".T", "+1", "if", "**2"})
  void shouldRefuseTextThatIsNestedDeeperThanAStack(String what) throws Exception {
    int depth = 100_000;
    String deep =
        switch (what) {
          case "()" -> "  y = " + "(".repeat(depth) + "x" + ")".repeat(depth);
          case "[]" -> "  y = " + "[".repeat(depth) + "x" + "]".repeat(depth);
          case "- ", "not " -> "  y = " + what.repeat(depth) + "x";
          case "if" -> {
            StringBuilder blocks = new StringBuilder();
            for (int i = 0; i < 500; i++) {
              blocks.append(" ".repeat(2 + i)).append("if True:\n");
            }
            yield blocks.append(" ".repeat(502)).append("y = x").toString();
          }
          default -> "  y = x" + what.repeat(depth);
        };
    Path file = module(deep + "\n  return x\n");
    assertThatThrownBy(() -> TorchScriptCheck.check(file))
        .isInstanceOf(RefusedCodeException.class)
        .hasMessageContaining("nested more than 100 deep");
  }

  @Test
  void shouldStayWithinTheStackOfLibtorchWhereItLetsThrough() throws Exception {
    // As deep as it passes, in a thread with half of the usual stack.
    Path file =
        module(
            "  y = %sx%s\n  return torch.add(x%s, 0)\n"
                .formatted("torch.neg(".repeat(45), ")".repeat(45), "+1".repeat(90)));
    TorchScriptCheck.check(file);
    Throwable[] failure = new Throwable[1];
    Thread thread =
        new Thread(
            null,
            () -> {
              try (TorchModule module = Libtorch.load(file, "cpu", TorchModule.Mode.INFERENCE)) {
                module.forward(HostTensor.zeros(HostTensor.DType.F32, 1));
              } catch (RuntimeException e) {
                failure[0] = e;
              }
            },
            "small-stack",
            512 << 10);
    thread.start();
    thread.join();
    assertThat(failure[0]).isNull();
  }

  @Test
  void shouldRefuseAnArchiveThatTwoLibrariesReadDifferently() throws Exception {
    Path good = module("  return x\n");
    assertThatCode(() -> TorchScriptCheck.check(good)).doesNotThrowAnyException();
    Path twice =
        changed(
            good,
            Map.of("archive/CODE/__torch__.py", bytes("def f(x: int) -> int:\n  return x\n")));
    assertThatThrownBy(() -> TorchScriptCheck.check(twice)).hasMessageContaining("twice");
    Path roots = changed(good, Map.of("other/data.pkl", new byte[0]));
    assertThatThrownBy(() -> TorchScriptCheck.check(roots)).hasMessageContaining("2 folders");
  }

  @Test
  void shouldRefusePicklesThatNameMoreThanTensors() throws Exception {
    Path good = module("  return x\n");
    Path global = changed(good, Map.of("archive/data.pkl", bytes("\u0002cos\nsystem\n.", 0x80)));
    assertThatThrownBy(() -> TorchScriptCheck.check(global))
        .hasMessageContaining("data.pkl names os.system, which no TorchScript file needs");
    ByteArrayOutputStream deep = new ByteArrayOutputStream();
    deep.write(')');
    for (int i = 0; i < 100_000; i++) {
      deep.write(0x85);
    }
    deep.write('.');
    Path nested = changed(good, Map.of("archive/data.pkl", deep.toByteArray()));
    assertThatThrownBy(() -> TorchScriptCheck.check(nested))
        .hasMessageContaining("nested more than 1000 deep");
    Path cut = changed(good, Map.of("archive/data.pkl", new byte[] {'('}));
    assertThatThrownBy(() -> TorchScriptCheck.check(cut)).hasMessageContaining("ends early");
  }

  @Test
  void shouldRefuseATensorThatIsLargerThanItsEntry() throws Exception {
    Path file = directory.resolve("weights.pt");
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "M",
            "def forward(self, x: Tensor) -> Tensor:\n  return torch.add(x, self.w)\n",
            Map.of(
                "w",
                new TorchScriptModule.Parameter(HostTensor.zeros(HostTensor.DType.F32, 1000)))));
    TorchScriptCheck.check(file);
    Path shorter = changed(file, Map.of("archive/data/0", new byte[400]));
    assertThatThrownBy(() -> TorchScriptCheck.check(shorter))
        .hasMessageContaining("1000 elements of torch FloatStorage")
        .hasMessageContaining("'0' has 400 bytes");
  }

  private static byte[] bytes(String text, int... before) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int value : before) {
      out.write(value);
    }
    out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    return out.toByteArray();
  }

  /** A module with a tensor {@code w} and a method {@code forward} of these lines. */
  private Path module(String body) throws IOException {
    return TorchScriptFile.write(Files.createTempFile(directory, "module", ".pt"), body);
  }

  /** An archive with this code; its pickles are those of a module without anything. */
  private Path archive(String code) throws IOException {
    String whole =
        code.contains("class M(") ? code : code + "class M(Module):\n  __parameters__ = []\n";
    return changed(module("  return x\n"), Map.of("archive/code/__torch__.py", bytes(whole)));
  }

  private Path changed(Path file, Map<String, byte[]> entries) throws IOException {
    Map<String, byte[]> all = new LinkedHashMap<>();
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (ZipEntry entry : Collections.list(zip.entries())) {
        all.put(entry.getName(), zip.getInputStream(entry).readAllBytes());
      }
    }
    all.putAll(entries);
    Path changed = Files.createTempFile(directory, "changed", ".pt");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(changed))) {
      for (Map.Entry<String, byte[]> entry : all.entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue());
        zip.closeEntry();
      }
    }
    return changed;
  }
}
