"""Autoencoder for dimensionality reduction, with the interface of PCA."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skae._checkpoints.trainings import Trainings, trainings_of, weights_of
from skae._data.matrix import Matrix, MatrixLike
from skae._data.moments import Moments
from skae._data.validation import known_features, validate_sample_weight
from skae._fitting.fit_network import fit_network, pass_once
from skae._fitting.progress import EpochReport
from skae._tables.validation import validate_rows
from skae._utils.sklearn_private import fit_context
from skae.estimators._all_or_nothing import all_or_nothing
from skae.estimators._explained_variance import (
    component_fractions,
    explained_fraction,
    squared_distances,
)
from skae.estimators._generation import GenerativeAutoencoder

# Sums of weights are kept below infinity.
_LARGEST = float(np.finfo(np.float64).max)


class AutoencoderTransformer(GenerativeAutoencoder):
    r"""Dimensionality reduction by an autoencoder, with the interface of PCA.

    Encoder and decoder are each a linear map plus a neural network,

    .. math:: \text{encode}(x) = V x + f(x), \qquad \text{decode}(z) = W z + g(z),

    fitted so that the reconstruction :math:`\hat{x} = \text{decode}(\text{encode}(x))` is close to
    :math:`x`. With ``init="pca"`` the network is initialised as PCA, with codes of unit variance.
    Training keeps the weights with the smallest validation loss, those of the initial network
    included.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto", default="auto"
        Size of the latent code. A float means as many components as PCA needs to explain that
        fraction of the variance. "auto" means as many as PCA needs to explain 0.9 of it, but at
        most half the number of features and at most 64. For "overcomplete" it means twice the
        number of features; for "sparse" the number of features, at most 256; for "compressive"
        twice as many as for the other kinds, at most 128. The fitted value is ``n_components_``.

    kind : str or Kind, default="undercomplete"
        The kind of autoencoder, which decides how the latent code is regularised: a name
        ("undercomplete", "overcomplete", "sparse", "denoising", "contractive", "variational" or
        "compressive") or an object of :mod:`skae.kinds`.

    architecture : str or Architecture, default="dense"
        The architecture of the networks `f` and `g`: a name ("dense", "convolutional", "recurrent"
        or "transformer") or an object of :mod:`skae.architectures`, such as
        ``Convolutional(input_shape=(1, 28, 28))``, or ``Custom`` with your own modules.

    columns : "from_dtype" or Columns, default="from_dtype"
        What the columns of a data frame are. "from_dtype" reads it from their dtypes: floats and
        integers are numbers, booleans are booleans, text and unordered categories are categories,
        ordered categories are ordinal. :class:`~skae.columns.Columns` says it by name, and may also
        call columns counts. Arrays, and frames of floats and integers, are numbers.

    loss : {"mse", "mae", "huber", "bce"}, Loss, callable or dict, default="mse"
        The reconstruction loss: a name or an object of :mod:`skae.losses`. A callable
        ``loss(reconstruction, target)`` receives two tensors of shape (n_samples, n_features) and
        returns the loss of each entry. "bce" requires `X` in [0, 1]. In a table whose columns are
        not all numbers, it is the loss of numbers; other columns have the cross-entropy, or the
        deviance of counts, and each column counts once, relative to the loss of the best constant
        prediction. A dictionary of losses by the names of columns replaces those of single columns.

    init : {"pca", "random"}, default="pca"
        "pca" initialises the network as PCA if the code has no more values than there are features;
        some kinds modify this initialisation. "random" is the textbook network: `f` and `g` alone,
        with random weights.

    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows. "auto" chooses it so that about 1,000 batches are
        processed. For batch sizes above 256 the number of batches falls with the square root of the
        batch size; for more than 5,000 rows it rises with the square root of the number of rows, up
        to 1,500; with fewer than 500 rows it is 300. The number of passes is at least 10 and at
        most 150. The number that was run is ``n_epochs_``.

    batch_size : int or "auto", default="auto"
        Number of rows in a batch. "auto" means a tenth of the training rows, at least 32 and at
        most 512 (256 with 256 features or more). The fitted value is ``batch_size_``.

    learning_rate : float or "auto", default="auto"
        Highest learning rate of the schedule: the learning rate rises during the first tenth of the
        batches and then falls to zero, both along half a cosine. "auto" means
        ``0.007 * (batch_size / 512) ** 0.25``, multiplied by ``sqrt(64 / n_components)`` for codes
        of more than 64 values. The fitted value is ``learning_rate_``.

    optimizer : {"adamw", "adam", "rmsprop", "sgd"} or class, default="adamw"
        The optimizer: a name or a class of :mod:`torch.optim`.

    optimizer_params : dict or None, default=None
        Further parameters of the optimizer, such as ``{"betas": (0.9, 0.99)}`` of "adamw". "sgd"
        has a momentum of 0.9 unless given here.

    weight_decay : float, default=0.01
        Weight decay of `f` and `g`, decoupled from the gradients as in AdamW for every
        optimizer.

    jitter : float or "auto", default="auto"
        Standard deviation of the noise added to the encoder's input during training, but not to the
        reconstruction target: a regularisation [1]_. The noise is uniform on a CPU and Gaussian on
        a GPU, since these are the fastest to draw there. The unit is the root mean square of PCA's
        residual or, with ``init="random"``, of the centred data. "auto" means
        ``0.6 * sqrt(500 / n_samples)``, at most 0.6. It means 0 for 20,000 samples or more, with
        ``init="random"``, with a corruption and for ``kind="variational"``.

    early_stopping : bool, default=True
        Whether to hold out validation rows and keep the weights with the smallest validation loss.
        If False, the network trains on all rows and keeps the weights with the smallest loss on a
        twentieth of them (500 to 5,000 rows).

    validation_fraction : float in (0, 1) or "auto", default="auto"
        Fraction of the rows that is held out for validation, chosen at random. "auto" means 0.1 for
        500 rows or more. With 8 to 499 rows, where a single split is unreliable, it means four-fold
        cross-validation: the network is then trained on all rows for the number of epochs with the
        smallest mean validation loss, or remains PCA if training reduces that loss by less than 2%.

    patience : int or None, default=None
        Stop training after this number of epochs without an improvement of the validation loss.
        None runs all epochs: the learning rate falls until the last epoch, and most of the
        improvement comes late.

    device : str, default="auto"
        Device to compute on: "cpu", "cuda", "cuda:1", "mps"; "auto" means a GPU if there is one. A
        fitted model computes on the CPU if the device is not available. The device used by `fit` is
        ``device_``.

    precision : {"auto", "float32", "float64", "bfloat16"}, default="auto"
        Floating-point precision. "auto" means bfloat16 for training if the processor has
        instructions for it (CPUs with AMX or AVX-512 BF16, NVIDIA GPUs since Ampere) and the
        forward pass of a batch takes 50 million multiplications or more, and float32 otherwise.
        With bfloat16, matrix products of `f` and `g` are rounded to about three digits; the
        weights, the linear maps, the loss and everything after training use float32. The fitted
        value is ``precision_``.

    warm_start : bool, default=False
        Whether `fit` continues from the weights of the previous fit, with its scaling, code size,
        kind and architecture.

    checkpoint : str, path-like or None, default=None
        File to which `fit` regularly writes its state. Between two writes at least one second
        passes, and at least thirty times as long as the last write took. After a crash, `fit` with
        the same arguments continues from the file and ends with the same weights. `fit` removes the
        file at the end. See the user guide on long fits.

    callbacks : Callback, list of Callback or (str, Callback), or None, default=None
        Callbacks of :mod:`skorch.callbacks`, called during training. See the
        user guide on watching and steering a fit.

    verbose : int, default=0
        With 1, print a line for each epoch, which also goes to the logger "skae" at the level INFO.

    random_state : int, RandomState instance or None, default=None
        Determines the validation rows, the initial weights, the order of the rows and all noise.
        The global random generators of numpy and torch are neither used nor changed, not even with
        None.

    Attributes
    ----------
    n_components_ : int
        Size of the latent code.

    history_ : pandas.DataFrame
        One row per epoch with the columns `epoch`, `train_loss`, `valid_loss`, `learning_rate` and
        `seconds`; epoch 0 is the network before training. The losses are values of the objective on
        scaled features; with cross-validation, their means over the folds. Further columns are the
        terms of the losses, such as `train_reconstruction` and `valid_reconstruction`, which add up
        to them, and numbers that callbacks recorded.

    loss_ : float
        The validation loss at the best epoch.

    n_epochs_ : int
        Number of epochs that were run.

    best_epoch_ : int
        Epoch whose weights were kept; 0 means that training did not improve on PCA.

    explained_variance_ratio_ : ndarray of shape (n_components,), dtype float64
        Fraction of the variance of the training rows that each component explains in addition to
        the components before it, as for PCA. Set only if the autoencoder is linear
        (``Dense(hidden_layer_sizes=())``). The components of a nonlinear autoencoder explain the
        variance jointly: compare :meth:`score` with the sum of PCA's ratios instead.

    mean_ : ndarray of shape (n_features,), dtype float64
        Mean of the training rows; after ``partial_fit``, of those of all batches.

    n_samples_seen_ : float
        Number of training rows, or the sum of their weights; those of all batches after
        ``partial_fit``.

    scale_ : float
        The number by which all centred features are divided internally: the square root of their
        mean variance.

    sparsity_, dead_units_, dictionary_ : float, ndarray of int, ndarray
        Fraction of zeros in the codes of the training rows; indices of the units that no training
        row activates; and the direction of each unit in the decoder, of shape (n_components,
        n_features). Only for ``kind="sparse"``, see :class:`~skae.kinds.Sparse`.

    active_units_ : ndarray of int
        Indices of the latent values whose posterior mean has a variance of more than 0.01 over the
        training rows [2]_. Only for ``kind="variational"``.

    kind_, architecture_ : Kind, Architecture
        The kind and the architecture used by `fit`.

    batch_size_, learning_rate_, device_, precision_ : int, float, str, str
        The values used by `fit`.

    sample_shape_ : tuple of int
        Shape of one sample in `fit`, (n_features,) for rows. Reconstructions always have this
        shape.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, set if all names in `X` are strings.

    columns_ : TableColumns or None
        The columns of `fit` if some of them are no numbers, with their levels and dtypes. Then
        ``mean_`` and ``scale_`` are those of the encoded features: numbers, indicators of levels
        and logarithms of counts.

    See Also
    --------
    sklearn.decomposition.PCA : The linear autoencoder with the smallest squared error.

    References
    ----------
    .. [1] C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural
       Computation 7(1), 1995.
    .. [2] Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR
       2016.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae import AutoencoderTransformer
    >>> X = load_digits().data
    >>> ae = AutoencoderTransformer(n_components=4, max_epochs=20, random_state=0).fit(X[:1200])
    >>> ae.transform(X[1200:]).shape
    (597, 4)
    >>> pca = PCA(n_components=4, random_state=0).fit(X[:1200])
    >>> residual = X[1200:] - pca.inverse_transform(pca.transform(X[1200:]))
    >>> explained = 1 - (residual**2).sum() / ((X[1200:] - pca.mean_) ** 2).sum()
    >>> bool(ae.score(X[1200:]) > explained)
    True
    """

    explained_variance_ratio_: np.ndarray

    _stored_as = "AutoencoderTransformer"

    def __sklearn_tags__(self) -> Any:
        """State that the dtype of floating point input is kept."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the autoencoder.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Training rows: real numbers of any dtype in an array, a data frame, a memory map, a
            scipy sparse matrix (converted to a dense array batch by batch) or a torch tensor.
            Images and time series may keep their axes. 8-bit integers, such as the pixels of
            images, are converted batch by batch. NaN stands for a missing value: the loss counts
            observed values only, and the encoder receives the conditional means of the missing
            values and a mask. If the rows of `fit` had missing values, all methods accept rows with
            missing values. Data larger than memory can be passed in batches, to `fit` and to all
            methods: as a generator, a function that returns one, or an object of pyarrow, zarr,
            h5py or dask.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row. Rows of weight zero are ignored.

        Returns
        -------
        self : AutoencoderTransformer
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or `X` is invalid, if training diverges, or if the checkpoint belongs to
            another fit.

        MemoryError
            If the device does not have enough memory for a training batch.
        """
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        X = validate_rows(self, X, reset=not goes_on, min_samples=2)
        weight = validate_sample_weight(sample_weight, X)
        before = weights_of(self._fitted) if goes_on else None
        others = {"sample_weight": weight, "weights to continue from": before}
        with trainings_of(self, X, **others) as trainings:
            prepared = self._prepare(X, weight, trainings, goes_on=goes_on)
            fit = fit_network(prepared, trainings, EpochReport(self))
            trainings.warn_of_interruption(fit.interruption)
            self._take(fit)
            self._count_rows(X, weight, sample_weight)
            return self._explain_components(X)

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one pass over these rows, without validation rows.

        The first call computes the scaling, the initial weights and the code size from its rows, so
        pass several hundred rows to it. ``mean_``, to which `score` compares, is that of all rows
        so far. The learning rate is constant, the last weights are kept,
        and no checkpoint is written.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows as in :meth:`fit`.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        self : AutoencoderTransformer
            The fitted estimator.
        """
        first = not self.__sklearn_is_fitted__()
        X = validate_rows(self, X, reset=first, min_samples=2 if first else 1)
        weight = validate_sample_weight(sample_weight, X)
        trainings = Trainings(self.random_state)
        prepared = self._prepare(X, weight, trainings, goes_on=not first)
        history = None if first else self.history_
        optimizer_state = None if first else self._optimizer_state
        before = None if first else (self.mean_, getattr(self, "n_samples_seen_", None))
        fit = pass_once(prepared, trainings, EpochReport(self), history, optimizer_state)
        trainings.warn_of_interruption(fit.interruption)
        self._take(fit)
        self._count_rows(X, weight, sample_weight, before)
        return self._explain_components(X)

    def _count_rows(
        self,
        X: Matrix,
        weight: np.ndarray | None,
        given: ArrayLike | None,
        before: tuple[np.ndarray, float | None] | None = None,
    ) -> None:
        """Set ``n_samples_seen_``, and ``mean_`` to that of all batches so far."""
        # Validated weights are relative to those of their batch.
        with np.errstate(over="ignore"):
            total = X.shape[0] if given is None else np.asarray(given, np.float64).sum()
        n_rows = min(float(total), _LARGEST)
        if before is None:
            self.n_samples_seen_ = n_rows
            return
        mean, n_before = before
        self.mean_ = mean
        if n_before is not None:  # files of earlier versions lack the number; then the mean stays
            self.n_samples_seen_ = min(n_before + n_rows, _LARGEST)
            step = n_rows / self.n_samples_seen_ * (Moments.of(X, weight).mean - mean)
            self.mean_ = np.where(known_features(X), mean + step, mean)

    def _explain_components(self, X: Matrix) -> Self:
        """Set ``explained_variance_ratio_`` if the autoencoder is linear."""
        self.__dict__.pop("explained_variance_ratio_", None)
        fitted = self._fitted
        linear = self.columns_ is None and (
            self.architecture_.is_linear() and self.kind_.linear_code and fitted.spec.loss.rescales
        )
        if linear and fitted.n_components <= fitted.n_features:
            self.explained_variance_ratio_ = component_fractions(fitted, X, self.mean_, self.device)
        return self

    def score(self, X: MatrixLike, y: object = None) -> float:
        r"""Return the explained fraction of the variance.

        .. math:: 1 - \frac{\sum \lVert x - \hat{x} \rVert^2}{\sum \lVert x - \mu \rVert^2}

        with the mean :math:`\mu` of the training rows. For PCA on its training rows, this is the
        sum of ``explained_variance_ratio_``. For a table with columns that are no numbers, it is
        the mean over rows and columns of the explained fraction, see :meth:`score_samples`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        y : None
            Ignored.

        Returns
        -------
        score : float
            At most 1; higher is better.
        """
        if self.columns_ is not None:
            return float(self.score_samples(X).mean())
        errors, distances = self._of_rows(self._errors_and_distances, X)
        return explained_fraction(float(errors.sum()), float(distances.sum()))

    def _errors_and_distances(self, X: Matrix) -> tuple[np.ndarray, np.ndarray]:
        """Return squared errors, and squared distances from the mean, of validated rows."""
        return self._squared_errors(X), squared_distances(X, self.mean_, self.scale_)
