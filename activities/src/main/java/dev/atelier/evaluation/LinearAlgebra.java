package dev.atelier.evaluation;

import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.ScalarType;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What the statistics need of linear algebra, in float64 by libtorch. */
public final class LinearAlgebra implements AutoCloseable {

  // tr((S1 S2)^1/2) is the sum of the square roots of the eigenvalues of S1 S2, which are those of
  // the symmetric r S2 r with r = S1^1/2; no square root of a non-symmetric matrix is needed.
  // Distances are squared, which keeps their order. Features are float32: points that differ by
  // less
  // than its rounding, 1e-6 of their norm, are at distance 0, as repeated images are.
  private static final String METHODS =
      """
      def moments(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        wide = torch.to(x, %1$d)
        mean = torch.mean(wide, [0])
        centred = torch.sub(wide, mean)
        return (mean, torch.matmul(torch.t(centred), centred))
      def root(self, s: Tensor) -> Tensor:
        values, vectors, = torch.linalg_eigh(s)
        roots = torch.sqrt(torch.clamp(values, 0.))
        return torch.matmul(torch.mul(vectors, roots), torch.t(vectors))
      def trace_sqrt(self, r: Tensor, s2: Tensor) -> Tensor:
        m = torch.matmul(torch.matmul(r, s2), r)
        symmetric = torch.mul(torch.add(m, torch.t(m)), 0.5)
        return torch.sum(torch.sqrt(torch.clamp(torch.linalg_eigvalsh(symmetric), 0.)))
      def eigenvalues(self, s: Tensor) -> Tensor:
        return torch.linalg_eigvalsh(s)
      def kernel_sum(self, x: Tensor, y: Tensor) -> Tensor:
        products = torch.matmul(torch.to(x, %1$d), torch.t(torch.to(y, %1$d)))
        scaled = torch.div(products, torch.size(x, 1))
        return torch.sum(torch.pow(torch.add(scaled, 1.), 3))
      def kernel_diagonal(self, x: Tensor) -> Tensor:
        wide = torch.to(x, %1$d)
        scaled = torch.div(torch.sum(torch.mul(wide, wide), [1]), torch.size(x, 1))
        return torch.sum(torch.pow(torch.add(scaled, 1.), 3))
      def gaussian_sum(self, x: Tensor, y: Tensor) -> Tensor:
        a = torch.to(x, %1$d)
        b = torch.to(y, %1$d)
        a = torch.div(a, torch.unsqueeze(torch.sqrt(torch.sum(torch.mul(a, a), [1])), 1))
        b = torch.div(b, torch.unsqueeze(torch.sqrt(torch.sum(torch.mul(b, b), [1])), 1))
        cosines = torch.matmul(a, torch.t(b))
        return torch.sum(torch.expm1(torch.mul(torch.add(cosines, -1.), 0.01)))
      def distances(self, x: Tensor, y: Tensor) -> Tensor:
        a = torch.to(x, %1$d)
        b = torch.to(y, %1$d)
        norms = torch.add(torch.unsqueeze(torch.sum(torch.mul(a, a), [1]), 1), torch.sum(torch.mul(b, b), [1]))
        squares = torch.sub(norms, torch.mul(torch.matmul(a, torch.t(b)), 2.))
        apart = torch.gt(squares, torch.mul(norms, 1e-12))
        return torch.mul(squares, torch.to(apart, %1$d))
      def neighbour_distances(self, x: Tensor, y: Tensor, k: Tensor) -> Tensor:
        values, indices, = torch.kthvalue(self.distances(x, y), int(k), 1)
        return values
      def inside_balls(self, x: Tensor, y: Tensor, radii: Tensor) -> Tensor:
        near = torch.any(torch.le(self.distances(x, y), radii), 1)
        return torch.sum(torch.to(near, %1$d))
      def inside_each(self, y: Tensor, radii: Tensor, x: Tensor) -> Tensor:
        near = torch.le(self.distances(y, x), torch.unsqueeze(radii, 1))
        return torch.sum(torch.to(near, %1$d), [1])
      """
          .formatted(ScalarType.DOUBLE.number());

  private final TorchModule module;

  public LinearAlgebra() {
    try {
      Path archive = Files.createTempFile("linear-algebra-", ".pt");
      try {
        TorchScriptArchive.write(
            archive, new TorchScriptModule("LinearAlgebra", METHODS, Map.of()));
        module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE);
      } finally {
        Files.delete(archive);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write a temporary file.", e);
    }
  }

  /** Statistics of the rows of {@code features} [N, D]. */
  public FeatureStatistics statistics(float[] features, int dimension) {
    int count = features.length / dimension;
    List<HostTensor> moments =
        module.run("moments", HostTensor.ofFloats(features, count, dimension));
    return new FeatureStatistics(count, moments.get(0).toDoubles(), moments.get(1).toDoubles());
  }

  /** tr((S1 S2)^1/2) of two symmetric positive semi-definite matrices [D, D]. */
  double traceSqrtProduct(double[] s1, double[] s2, int dimension) {
    return traceSqrt(root(s1, dimension), s2, dimension);
  }

  /** The symmetric root of a symmetric positive semi-definite matrix [D, D]. */
  double[] root(double[] s, int dimension) {
    return module.run("root", HostTensor.ofDoubles(s, dimension, dimension)).get(0).toDoubles();
  }

  /**
   * tr((S1 S2)^1/2) of two symmetric positive semi-definite matrices [D, D].
   *
   * @param root of S1, as {@link #root} gives it
   */
  double traceSqrt(double[] root, double[] s2, int dimension) {
    return module
        .run(
            "trace_sqrt",
            HostTensor.ofDoubles(root, dimension, dimension),
            HostTensor.ofDoubles(s2, dimension, dimension))
        .get(0)
        .toDoubles()[0];
  }

  /** The eigenvalues of a symmetric matrix [D, D], ascending. */
  double[] eigenvalues(double[] s, int dimension) {
    return module
        .run("eigenvalues", HostTensor.ofDoubles(s, dimension, dimension))
        .get(0)
        .toDoubles();
  }

  /** The sum of the kernel (x·y / D + 1)^3 over all pairs of rows of x [N, D] and y [M, D]. */
  double kernelSum(HostTensor x, HostTensor y) {
    return module.run("kernel_sum", x, y).get(0).toDoubles()[0];
  }

  /**
   * The sum of exp(−|x − y|² / 2σ²) − 1 with σ = 10 over all pairs of rows of x [N, D] and y [M,
   * D], each made of length 1: there |x − y|² is 2 − 2 x·y.
   */
  double gaussianSum(HostTensor x, HostTensor y) {
    return module.run("gaussian_sum", x, y).get(0).toDoubles()[0];
  }

  /** The sum of the kernel over pairs of equal rows. */
  double kernelDiagonal(HostTensor x) {
    return module.run("kernel_diagonal", x).get(0).toDoubles()[0];
  }

  /**
   * The distance of each row of x [N, D], one of {@code all} [M, D], to its k-th neighbour: [N].
   */
  HostTensor neighbourDistances(HostTensor x, HostTensor all, int k) {
    HostTensor place = HostTensor.ofLongs(new long[] {k + 1}, 1); // the nearest is the row itself
    return module.run("neighbour_distances", x, all, place).get(0);
  }

  /** How many rows of x [N, D] lie within a ball: centres [M, D], squared radii [M]. */
  double insideBalls(HostTensor x, HostTensor centres, HostTensor radii) {
    return module.run("inside_balls", x, centres, radii).get(0).toDoubles()[0];
  }

  /** How many rows of x [N, D] lie within each ball: centres [M, D], squared radii [M]: [M]. */
  double[] insideEach(HostTensor centres, HostTensor radii, HostTensor x) {
    return module.run("inside_each", centres, radii, x).get(0).toDoubles();
  }

  @Override
  public void close() {
    module.close();
  }
}
