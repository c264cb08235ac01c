package dev.atelier.merging;

import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.training.Models;
import dev.atelier.work.LocalFiles;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StartRef;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The weights of students of one network, and what can be made of them. */
record StudentWeights(
    Joining task, Network network, List<Map<String, HostTensor>> all, LocalFiles files) {

  static StudentWeights of(Joining task, Models models, LocalFiles files) throws IOException {
    Network network =
        Models.network(task.students().get(0).network().orElseThrow(), task.measure().dataset());
    List<Map<String, HostTensor>> all = new ArrayList<>();
    for (ModelRef student : task.students()) {
      all.add(models.weights(student, network));
    }
    return new StudentWeights(task, network, all, files);
  }

  /** Bytes of one student. */
  long bytes() {
    return WeightMerging.bytes(all.get(0));
  }

  /** Of the students of {@code group}. */
  Map<String, HostTensor> average(List<Integer> group) {
    return WeightMerging.average(group.stream().map(all::get).toList());
  }

  /** Of all students, which have started from the same weights. */
  Map<String, HostTensor> taskArithmetic(List<Double> factors) throws IOException {
    StartRef start = task.students().get(0).start().orElseThrow();
    return WeightMerging.taskArithmetic(
        SafetensorsFile.read(files.file(start.objectKey(), start.sha256())).tensors(),
        all,
        factors);
  }
}
