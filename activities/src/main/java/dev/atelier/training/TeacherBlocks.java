package dev.atelier.training;

import dev.atelier.graph.Weight;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.SharedBlocks;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Starts a student from those blocks of its teacher that it has too. Kim et al. 2023, BK-SDM. */
public record TeacherBlocks() implements InitialWeights {

  @Override
  public Map<String, HostTensor> of(
      TrainingTask task, ImageSource images, String device, Path work) {
    TeacherModel.Weights teacher = TeacherModel.known(task, "take blocks of the teacher");
    Network student = task.network();
    SharedBlocks shared =
        new SharedBlocks(teacher.network().spec(), student.spec(), student.imageResolution());
    shared
        .fault()
        .ifPresent(
            fault -> {
              throw new InvalidSpecException("The network of %s %s".formatted(task.name(), fault));
            });
    Map<String, HostTensor> taken = new LinkedHashMap<>();
    for (Weight weight : student.weights()) {
      taken.put(weight.name(), teacher.weights().get(shared.inTeacher(weight.name())));
    }
    student.check(taken, "The set of weights of the teacher's blocks");
    return taken;
  }
}
