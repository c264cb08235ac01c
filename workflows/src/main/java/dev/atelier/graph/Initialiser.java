package dev.atelier.graph;

/** How a tensor starts. */
public sealed interface Initialiser {

  /** What is done for each kind. */
  interface Visitor<R> {
    R kaimingUniform(KaimingUniform initialiser);

    R standardNormal(StandardNormal initialiser);

    R identity(Identity initialiser);

    R constant(Constant initialiser);
  }

  <R> R accept(Visitor<R> visitor);

  /** Uniform within ±1/sqrt(fanIn), as PyTorch starts convolutions and linear layers. */
  record KaimingUniform(long fanIn) implements Initialiser {
    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.kaimingUniform(this);
    }
  }

  /** Standard normal, as PyTorch starts embeddings. */
  record StandardNormal() implements Initialiser {
    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.standardNormal(this);
    }
  }

  /** Ones where row and column are equal, in the first two dimensions; zeros elsewhere. */
  record Identity() implements Initialiser {
    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.identity(this);
    }
  }

  /** All elements equal. */
  record Constant(float value) implements Initialiser {
    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.constant(this);
    }
  }
}
