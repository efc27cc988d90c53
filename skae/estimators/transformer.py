"""The autoencoder as a transformer, beside PCA."""

from __future__ import annotations

from skae._data.validation import validate_sample_weight, validate_X
from skae._fitting.trainings import Trainings, trainings_of, weights_of
from skae._utils.sklearn_private import fit_context
from skae.estimators._all_or_nothing import all_or_nothing
from skae.estimators._base import BaseAutoencoder
from skae.estimators._explained_variance import (
    component_shares,
    explained_share,
    squared_distances,
)
from skae.estimators._generation import GenerationMixin
from skae.estimators._reconstruction import ReconstructionMixin


class AutoencoderTransformer(ReconstructionMixin, GenerationMixin, BaseAutoencoder):
    r"""Dimensionality reduction by an autoencoder: PCA's interface, a network inside.

    Encoder and decoder are each a linear map plus a neural network,

    .. math:: \text{encode}(x) = V x + f(x), \qquad \text{decode}(z) = W z + g(z),

    fitted so that :math:`\hat{x} = \text{decode}(\text{encode}(x))` is near :math:`x`. With
    ``init="pca"`` they start as PCA, with codes of unit variance, and training keeps the weights
    that are best on rows held out, the start included.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto", default="auto"
        Size of the code. A float means as many components as PCA needs to explain that share of
        the variance. "auto" means as many as PCA needs for 0.9 of it, but at most half of the
        features and at most 64; for "overcomplete", twice the features, for "sparse", as
        many as there are features, at most 256, and for "compressive", twice as many as for the
        others, at most 128. The fitted value is ``n_components_``.

    kind : str or Kind, default="undercomplete"
        What makes the code a good code, by name ("undercomplete", "overcomplete", "sparse",
        "denoising", "contractive", "variational" or "compressive") or as an object of
        :mod:`skae.kinds`.

    architecture : str or Architecture, default="dense"
        What `f` and `g` are made of, by name ("dense", "convolutional", "recurrent" or
        "transformer") or as an object of :mod:`skae.architectures`, such as
        ``Convolutional(input_shape=(1, 28, 28))``, or ``Custom`` with modules of your own.

    loss : {"mse", "mae", "huber", "bce"}, Loss or callable, default="mse"
        What counts as a good reconstruction, by name or as an object of :mod:`skae.losses`. A
        callable ``loss(reconstruction, target)`` is given two tensors of shape
        (n_samples, n_features) and returns the loss of each entry. "bce" needs `X` in [0, 1].

    init : {"pca", "random"}, default="pca"
        "pca" starts at PCA where the code is not larger than the data, or at what the kind makes
        of it. "random" is the textbook network, `f` and `g` alone with random weights.

    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows. "auto" means as many as make 1,000 batches: fewer
        by the root of the batch size beyond 256, more by the root of the number of rows beyond
        5,000, up to 1,500, and 300 with fewer than 500 rows; at least 10 and at most 150 passes.
        The number that was run is ``n_epochs_``.

    batch_size : int or "auto", default="auto"
        Rows in a batch. "auto" means a tenth of the training rows, at least 32 and at most 512,
        or 256 for rows of 256 features or more.
        The fitted value is ``batch_size_``.

    learning_rate : float or "auto", default="auto"
        Highest learning rate; it rises in the first tenth of the batches and falls to zero in
        the others, each on a half cosine. "auto" means ``0.007 * (batch_size / 512) ** 0.25``,
        times ``sqrt(64 / n_components)`` for codes of more than 64 values. The fitted value is
        ``learning_rate_``.

    optimizer : {"adamw", "adam", "rmsprop", "sgd"} or class, default="adamw"
        The optimizer, by name or as a class of :mod:`torch.optim`.

    weight_decay : float, default=0.01
        Decay of the weights of `f` and `g`, as the optimizer understands it.

    jitter : float or "auto", default="auto"
        Standard deviation of the noise added in training to what the encoder is shown, but not
        to what the decoder should give: a regularisation [1]_. The noise is uniform on a CPU, and
        Gaussian on a GPU, whichever takes less time to draw there. The unit is the root mean
        square of what PCA leaves over; with ``init="random"``, that of the centred data. "auto"
        means ``0.6 * sqrt(500 / n_samples)``, at most 0.6; 0 from 20,000 samples on, with
        ``init="random"``, with a corruption and for ``kind="variational"``.

    early_stopping : bool, default=True
        Whether rows are held out to say which weights are best. If False, all rows are trained
        on, and the best weights are chosen by a twentieth of them (500 to 5,000).

    validation_fraction : float in (0, 1) or "auto", default="auto"
        Share of the rows that is held out, chosen at random. "auto" means 0.1 for 500 rows or
        more. With fewer (but at least 8), one split says little: each of four folds is held out
        once, and the network is then trained on all rows for the number of epochs with the
        smallest mean loss of the folds, or left at PCA where that gains less than 2%.

    patience : int or None, default=None
        End the training after so many epochs without a better validation loss. None runs all
        epochs: the learning rate falls until the last, and most of the gain comes late.

    device : str, default="auto"
        Where to compute: "cpu", "cuda", "cuda:1", "mps"; "auto" takes a GPU where there is one.
        A fitted model computes on the CPU where the device is missing. The device of the fit is
        ``device_``.

    precision : {"auto", "float32", "float64", "bfloat16"}, default="auto"
        In which precision to compute. "auto" means bfloat16 for training on processors with
        instructions for it (CPUs with AMX or AVX-512 BF16, NVIDIA GPUs since Ampere) where a
        batch takes 50 million multiplications or more on its way through the network, float32
        otherwise. In bfloat16, products of the residual networks are rounded to three digits;
        weights, the linear path, the loss and all that comes after the training are in float32.
        The fitted value is ``precision_``.

    warm_start : bool, default=False
        Whether `fit` goes on from the last fit's weights, with its scaling, code size and parts.

    checkpoint : str, path-like or None, default=None
        File that the state of `fit` is written to after a batch, every so often: at the earliest
        one second after the last time, and thirty times as long after it as that took. After a
        crash or a kill, `fit` with the same arguments goes on from there, and ends with the same
        weights. The file is removed at the end. See the user guide on long fits.

    callbacks : list of skorch.callbacks.Callback or None, default=None
        Called during training, with skorch's net.

    verbose : int, default=0
        1 prints a line for each epoch.

    random_state : int, RandomState instance or None, default=None
        Decides the rows held out, the first weights, the order of the rows and all noise. The
        global generators of numpy and torch are neither read nor changed, also with None.

    Attributes
    ----------
    n_components_ : int
        Size of the code.

    history_ : pandas.DataFrame
        A row for each epoch with the columns `epoch`, `train_loss`, `valid_loss`,
        `learning_rate` and `seconds`; epoch 0 is the network before training. Losses are in the
        units of the objective, on scaled features; where folds took turns, their means.

    loss_ : float
        The objective at the best epoch, on the rows held out.

    n_epochs_ : int
        Number of epochs that were run.

    best_epoch_ : int
        Epoch whose weights were kept; 0 means that PCA was not improved on.

    explained_variance_ratio_ : ndarray of shape (n_components,), dtype float64
        Share of the variance of the training rows that each component adds to those before it,
        as PCA's. Only where the autoencoder is linear (``Dense(hidden_layer_sizes=())``): the
        components of a nonlinear one share what they explain, and :meth:`score` is the number
        to compare with the sum of PCA's.

    mean_ : ndarray of shape (n_features,), dtype float64
        Mean of the training rows.

    scale_ : float
        The one number by which centred features are divided inside, the root of their mean
        variance.

    sparsity_, dead_units_, dictionary_ : float, ndarray of int, ndarray
        Share of zeros in the codes of the training rows, units that none of them activates, and
        the decoder's direction of each unit, of shape (n_components, n_features). Only for
        ``kind="sparse"``, see :class:`~skae.kinds.Sparse`.

    active_units_ : ndarray of int
        Values of the code whose posterior mean varies over the training rows by a variance of
        more than 0.01 [2]_. Only for ``kind="variational"``.

    kind_, architecture_ : Kind, Architecture
        The parts that were fitted.

    batch_size_, learning_rate_, device_, precision_ : int, float, str, str
        What was used.

    sample_shape_ : tuple of int
        Shape of one sample as `fit` was given it, (n_features,) for rows. Reconstructions have
        this shape, whatever shape they are asked for in.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where `X` had names that are all strings.

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

    _stored_as = "AutoencoderTransformer"

    def __sklearn_tags__(self):
        """State that the dtype of floating point input is kept."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit the autoencoder.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows to be reconstructed: numbers of any real dtype in an array, a data frame, a
            memory map, a scipy sparse matrix (made dense batch by batch) or a torch tensor.
            Images and series may come with their axes. Bytes, such as the pixels of images,
            are converted batch by batch. NaN is a missing value: the loss counts known values
            only, the encoder is shown conditional means and which values are missing, and all
            methods take rows with missing values where those of `fit` had some. What is larger
            than memory may come in batches, here and to all methods: from a generator, a function
            that returns one, pyarrow, zarr, h5py or dask.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts. Rows of weight zero are left out.

        Returns
        -------
        self : AutoencoderTransformer
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or `X` is not as described, if the training diverges, or if the
            checkpoint is of another fit.

        MemoryError
            If the device has not enough memory for a batch to train on.
        """
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        X = validate_X(self, X, reset=not goes_on, min_samples=2)
        weight = validate_sample_weight(sample_weight, X)
        previous = vars(self) if goes_on else None
        others = {"sample_weight": weight, "weights to go on from": weights_of(previous)}
        with trainings_of(self, X, **others) as trainings:
            self._fit(X, weight, trainings, previous)
            return self._explain_components(X)

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Pass once over these rows, all of which are trained on.

        The first call decides the scaling, the start and the code size from its rows, so give it
        some hundreds. The learning rate is constant, the last weights are kept, and no checkpoint
        is written.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows as in :meth:`fit`.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        self : AutoencoderTransformer
            The estimator.
        """
        first = not self.__sklearn_is_fitted__()
        X = validate_X(self, X, reset=first, min_samples=2 if first else 1)
        weight = validate_sample_weight(sample_weight, X)
        trainings = Trainings(self.random_state)
        self._fit(X, weight, trainings, None if first else vars(self), one_pass=True)
        return self._explain_components(X)

    def _explain_components(self, X):
        """Set ``explained_variance_ratio_`` where the autoencoder is linear."""
        vars(self).pop("explained_variance_ratio_", None)
        fitted = self._fitted
        linear = self.architecture_.is_linear() and self.kind_.linear_code and fitted.loss.rescales
        if linear and fitted.n_components <= fitted.n_features:
            self.explained_variance_ratio_ = component_shares(fitted, X, self.mean_, self.device)
        return self

    def score(self, X, y=None):
        r"""Return the explained share of the variance.

        .. math:: 1 - \frac{\sum \lVert x - \hat{x} \rVert^2}{\sum \lVert x - \mu \rVert^2}

        with the mean :math:`\mu` of the training rows. For PCA on its own training rows, the
        same number is the sum of its ``explained_variance_ratio_``.

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
        errors, distances = self._of_rows(self._errors_and_distances, X)
        return explained_share(float(errors.sum()), float(distances.sum()))

    def _errors_and_distances(self, X):
        """Return squared errors, and squared distances from the mean, of validated rows."""
        return self._squared_errors(X), squared_distances(X, self.mean_, self.scale_)
