package dev.atelier.local.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.cli.CommandFailure;
import dev.atelier.cli.ExitCodes;
import dev.atelier.cli.Screen;
import dev.atelier.cli.SpecFile;
import dev.atelier.graph.Weight;
import dev.atelier.network.FeatureLoss;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.TrainingModule;
import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.TrainingModule.TeacherNetwork;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NormGroups;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what libtorch runs, without any server. */
@Command(
    name = "program",
    description = "Print the TorchScript program that trains the students of a spec.")
final class ProgramCommand implements Callable<Integer> {

  private static final ObjectMapper YAML = YAMLMapper.builder().addModule(new Jdk8Module()).build();

  @Parameters(index = "0", paramLabel = "FILE", description = "A spec, as launch takes it.")
  private Path file;

  @Option(
      names = "--form",
      paramLabel = "FORM",
      defaultValue = "cpu",
      description =
          "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}): with gradients by autograd, as on a GPU, or by hand, as on a CPU.")
  private NetworkForm form;

  @Override
  public Integer call() throws CommandFailure {
    try {
      ExperimentSpec spec =
          NormGroups.stated(
              YAML.readValue(SpecFile.read(file, Map.of(), Path.of("")), ExperimentSpec.class));
      Screen.standard().print(program(spec, form).lines().toList());
      return ExitCodes.OK;
    } catch (JsonProcessingException e) {
      throw new CommandFailure(
          "Cannot read the spec %s: %s.".formatted(file, e.getOriginalMessage()), e);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(e.getMessage(), e);
    }
  }

  private static String program(ExperimentSpec spec, NetworkForm form) {
    Network student = network(spec, spec.students().network());
    Map<String, HostTensor> weights = zeros(student);
    Network teacher = network(spec, spec.teacher().network());
    Settings settings =
        Settings.of(
            spec.students().training(),
            spec.students().loss(),
            form,
            spec.diffusion(),
            spec.diffusion().studentsPredict());
    Map<String, HostTensor> trained = new LinkedHashMap<>(weights);
    if (settings.feature().wanted()) {
      new FeatureLoss(settings.feature(), student, teacher)
          .adaptors()
          .forEach(w -> trained.put(w.name(), zeros(w)));
    }
    return TorchScriptArchive.program(
        TrainingModule.of(
            student,
            new State(trained, weights, trained, trained),
            settings,
            Optional.of(new TeacherNetwork(teacher, zeros(teacher)))));
  }

  private static Network network(ExperimentSpec spec, NetworkSpec network) {
    return Network.of(
        network,
        spec.dataset().resolution(),
        spec.dataset().channels(),
        spec.dataset().classConditional() ? 1 : 0); // the program doesn't depend on how many
  }

  private static Map<String, HostTensor> zeros(Network network) {
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    network.weights().forEach(w -> zeros.put(w.name(), zeros(w)));
    return zeros;
  }

  private static HostTensor zeros(Weight weight) {
    return HostTensor.zeros(HostTensor.DType.F32, weight.dimensions());
  }
}
